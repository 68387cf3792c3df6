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
 * Barriers for removals made here of which the tier could not be told. Each name is kept once, at most 5 MiB in all.
 *
 * <p>Clients determine how many keys are removed, and in how many scopes. If there are too many keys, those of the
 * scope with the most become one barrier for that scope. If there are too many such scopes, only callers that the
 * provider accepts may remove more ({@link #hasRoomFor}). If even these are too many, they become one barrier for
 * everything, as the last resort. Thread-safe.
 */
final class SharedUnraised {
    /** At most this many keys. Beyond that, the keys of the scope with the most become one barrier for the scope. */
    static final int MAX_KEYS = 20_000;
    /**
     * At most this many keys without a known scope may be added by clients. Only the barrier for everything could
     * replace them.
     */
    static final int MAX_UNKNOWN = MAX_KEYS / 4;
    /** At most this many barriers for whole scopes. Beyond that, only callers that the provider accepts may add one. */
    static final int MAX_SCOPES = 1_000;
    /** At most this many beginnings of digests. Each of them costs other machines part of a walk over their stores. */
    static final int MAX_DIGESTS = 1_000;

    /** The name of a barrier, and the name of the barrier for its scope; null if the scope is not known. */
    record Kept(String name, String scope) {}

    /** Maps barriers for keys to their scopes. Guarded by this, as the other fields are. */
    private final Map<String, String> keys = new LinkedHashMap<>();
    /** The number of keys of each scope. Unknown scopes count together, under null. */
    private final Map<String, Integer> counts = new HashMap<>();
    /** Barriers for more than a key. More than {@link SharedBarriers#MAX_NAMES} become one barrier for everything. */
    private final Set<String> others = new HashSet<>();
    /** Barriers that were taken out to be raised, until they are {@link #over}, and how often each was taken out. */
    private final Map<Kept, Integer> underWay = new HashMap<>();

    /**
     * Whether one more key of a scope can be kept without harm to other callers.
     *
     * @param scope name of the barrier for the scope; null if the scope is not known
     */
    synchronized boolean hasRoomFor(String scope) {
        if (others.contains(SharedBarriers.all()) || others.contains(scope)) {
            return true;
        }
        boolean isFull = keys.size() >= MAX_KEYS && count(SharedBarriers.SCOPE) >= MAX_SCOPES;
        return !isFull && (scope != null || counts.getOrDefault(null, 0) < MAX_UNKNOWN);
    }

    /** Whether one more beginning of a digest can be kept. */
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
            String scope = scopeWithMostKeys(kept.scope);
            keys.values().removeIf(scope::equals);
            counts.remove(scope);
            addOther(scope);
        }
    }

    /** The scope with the most keys. On a tie, {@code last} wins. */
    private String scopeWithMostKeys(String last) {
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

    /** Whether there are barriers to take out. */
    synchronized boolean isWaiting() {
        return !keys.isEmpty() || !others.isEmpty();
    }

    /** Whether there is a barrier that other machines may not have been told of, including those under way. */
    synchronized boolean hasAny() {
        return isWaiting() || !underWay.isEmpty();
    }

    /** Whether there is a barrier for more than a key. */
    synchronized boolean hasMoreThanKeys() {
        return !others.isEmpty()
                || underWay.keySet().stream().anyMatch(kept -> kept.name.charAt(0) != SharedBarriers.KEY);
    }

    /**
     * Whether other machines have not been told yet that a key was removed, be it by a barrier of its own or by one
     * that covers it.
     */
    synchronized boolean covers(String name, String scope) {
        return keys.containsKey(name)
                || isOther(SharedBarriers.all())
                || (scope != null && isOther(scope))
                || underWay.containsKey(new Kept(name, scope));
    }

    private boolean isOther(String name) {
        return others.contains(name) || underWay.containsKey(new Kept(name, null));
    }

    /** All barriers, including those under way, as lines that {@link #addLine} reads. */
    synchronized List<String> lines() {
        Set<String> lines = new LinkedHashSet<>(others);
        underWay.keySet().forEach(kept -> lines.add(line(kept)));
        keys.forEach((name, scope) -> lines.add(line(new Kept(name, scope))));
        return List.copyOf(lines);
    }

    /** A barrier as a line that {@link #addLine} reads. */
    static String line(Kept kept) {
        return kept.scope == null ? kept.name : kept.name + ' ' + kept.scope;
    }

    /** Adds the barrier of a line, unless the line is malformed. */
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

    /** Takes out barriers to be raised, those for more than a key first. Each must be reported {@link #over} later. */
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

    /** Forgets a barrier that was taken out: it has been raised, or was added again. */
    synchronized void over(Kept taken) {
        underWay.computeIfPresent(taken, (kept, often) -> often == 1 ? null : often - 1);
    }
}
