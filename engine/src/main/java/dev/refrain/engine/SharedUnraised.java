package dev.refrain.engine;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What was removed here while the tier could not be told. Names are kept once each, some 5 MiB of them at most.
 *
 * <p>Clients say how many keys are removed, and by how many callers. So too many cost the caller with the most of them:
 * they become one barrier for its scope. With too many of those there is room only for callers whom the provider knows
 * ({@link #hasRoomFor}). With too many of these as well, all becomes one barrier for everything. Thread-safe.
 */
final class SharedUnraised {
    /** With more, those of the scope with the most become one barrier for it. */
    static final int MAX_KEYS = 20_000;
    /** Of clients' keys whose scope is not known, which no barrier but that for everything can stand for. */
    static final int MAX_UNKNOWN = MAX_KEYS / 4;
    /** Of scopes that stand for their keys, before it matters whether the provider knows a caller. */
    static final int MAX_SCOPES = 1_000;
    /** Beginnings of keys, each of which costs other machines a part of a walk over their stores. */
    static final int MAX_DIGESTS = 1_000;

    /** The name of a barrier, and that of the scope that it is of; null if that is not known. */
    record Kept(String name, String scope) {}

    /** Barriers for keys, and their scopes. Guarded by this, as the others are. */
    private final Map<String, String> keys = new LinkedHashMap<>();
    /** How many of them each scope has; null is one, too. */
    private final Map<String, Integer> counts = new HashMap<>();
    /** With more than {@link SharedBarriers#MAX_NAMES}, they become one barrier for everything. */
    private final Set<String> others = new HashSet<>();
    /** Those that were taken out, until they are {@link #over}, and how often each was. */
    private final Map<Kept, Integer> underWay = new HashMap<>();

    /**
     * Whether one more key of a scope can be kept without harm to other callers.
     *
     * @param scope name of its barrier; null if it is not known
     */
    synchronized boolean hasRoomFor(String scope) {
        if (others.contains(SharedBarriers.all()) || others.contains(scope)) {
            return true;
        }
        boolean isFull = keys.size() >= MAX_KEYS && count(SharedBarriers.SCOPE) >= MAX_SCOPES;
        return !isFull && (scope != null || counts.getOrDefault(null, 0) < MAX_UNKNOWN);
    }

    /** Whether one more beginning of a key can be. */
    synchronized boolean hasRoomForDigest() {
        return count(SharedBarriers.DIGEST) < MAX_DIGESTS;
    }

    private long count(char kind) {
        return others.stream().filter(name -> name.charAt(0) == kind).count();
    }

    synchronized void add(Kept kept) {
        if (others.contains(SharedBarriers.all()) || others.contains(kept.scope)) {
            return;
        }
        if (kept.name.charAt(0) != SharedBarriers.KEY) {
            addOther(kept.name);
            return;
        }
        if (!keys.containsKey(kept.name)) {
            keys.put(kept.name, kept.scope);
            counts.merge(kept.scope, 1, Integer::sum);
        }
        if (keys.size() > MAX_KEYS) {
            String scope = greediest(kept.scope);
            keys.values().removeIf(scope::equals);
            counts.remove(scope);
            addOther(scope);
        }
    }

    /** The scope with the most keys: the last one, if others have as many. */
    private String greediest(String last) {
        String most = last;
        for (Map.Entry<String, Integer> scope : counts.entrySet()) {
            if (scope.getKey() != null && (most == null || scope.getValue() > counts.get(most))) {
                most = scope.getKey();
            }
        }
        return most == null ? SharedBarriers.all() : most;
    }

    private void addOther(String name) {
        others.add(name);
        if (others.size() > SharedBarriers.MAX_NAMES || name.equals(SharedBarriers.all())) {
            keys.clear();
            counts.clear();
            others.clear();
            others.add(SharedBarriers.all());
        }
    }

    /** Whether some are to be taken out. */
    synchronized boolean isWaiting() {
        return !keys.isEmpty() || !others.isEmpty();
    }

    /** Whether there is one that other machines may not have been told of, be it under way. */
    synchronized boolean hasAny() {
        return isWaiting() || !underWay.isEmpty();
    }

    /** Whether there is one for more than a key. */
    synchronized boolean hasMoreThanKeys() {
        return !others.isEmpty()
                || underWay.keySet().stream().anyMatch(kept -> kept.name.charAt(0) != SharedBarriers.KEY);
    }

    /** Whether other machines have not been told of a key: of it alone, or by what stands for it. */
    synchronized boolean covers(String name, String scope) {
        return keys.containsKey(name)
                || isOther(SharedBarriers.all())
                || (scope != null && isOther(scope))
                || underWay.containsKey(new Kept(name, scope));
    }

    private boolean isOther(String name) {
        return others.contains(name) || underWay.containsKey(new Kept(name, null));
    }

    /** All of them as lines, also those under way, which {@link #addLine} reads. */
    synchronized List<String> lines() {
        Set<String> lines = new LinkedHashSet<>(others);
        underWay.keySet().forEach(kept -> lines.add(line(kept)));
        keys.forEach((name, scope) -> lines.add(line(new Kept(name, scope))));
        return List.copyOf(lines);
    }

    /** As a line, which {@link #addLine} reads. */
    static String line(Kept kept) {
        return kept.scope == null ? kept.name : kept.name + ' ' + kept.scope;
    }

    /** Adds what a line says, unless that is no barrier. */
    void addLine(String line) {
        String[] words = line.split(" ", 2);
        boolean isKnown = true;
        for (String word : words) {
            isKnown &= SharedBarriers.name(SharedBarriers.bytes(word)) != null;
        }
        if (isKnown) {
            add(new Kept(words[0], words.length > 1 ? words[1] : null));
        }
    }

    /** Takes out as many as that at most: those for more than a key first. Each is to be {@link #over} some time. */
    synchronized List<Kept> take(int most) {
        List<Kept> taken = new ArrayList<>();
        others.stream().limit(most).forEach(name -> taken.add(new Kept(name, null)));
        taken.forEach(kept -> others.remove(kept.name));
        keys.entrySet().stream()
                .limit(most - taken.size())
                .map(key -> new Kept(key.getKey(), key.getValue()))
                .forEach(taken::add);
        taken.forEach(kept -> {
            if (kept.name.charAt(0) == SharedBarriers.KEY) {
                keys.remove(kept.name);
                counts.computeIfPresent(kept.scope, (scope, count) -> count == 1 ? null : count - 1);
            }
        });
        taken.forEach(kept -> underWay.merge(kept, 1, Integer::sum));
        return taken;
    }

    /** One that was taken out has been told, or was added again. */
    synchronized void over(Kept taken) {
        underWay.computeIfPresent(taken, (kept, often) -> often == 1 ? null : often - 1);
    }
}
