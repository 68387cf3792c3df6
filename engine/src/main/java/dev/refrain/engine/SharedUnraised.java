package dev.refrain.engine;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What was removed here while the tier could not be told. Names are kept once each, some 5 MiB of them at most.
 *
 * <p>Clients say how many keys are removed, and by how many callers. So too many cost only the callers that they are
 * of: they become one barrier for the caller's scope. With too many of those, nothing more is taken that a client
 * removes ({@link #hasRoomFor}), and it is told so. Thread-safe.
 */
final class SharedUnraised {
    /** With more, those of one scope become one barrier for it. */
    static final int MAX_KEYS = 20_000;
    /** Of scopes that stand for their keys. */
    static final int MAX_SCOPES = 1_000;
    /** Beginnings of keys, each of which costs other machines a part of a walk over their stores. */
    static final int MAX_DIGESTS = 1_000;

    /** The name of a barrier, and that of the scope that it is of; null if that is not known. */
    record Kept(String name, String scope) {}

    /** Barriers for keys, and their scopes. Guarded by this, as the others are. */
    private final Map<String, String> keys = new LinkedHashMap<>();
    /** With more than {@link SharedBarriers#MAX_NAMES}, they become one barrier for everything. */
    private final Set<String> others = new HashSet<>();

    /**
     * Whether one more key of a scope can be kept without harm to other callers.
     *
     * @param scope name of its barrier; null if it is not known
     */
    synchronized boolean hasRoomFor(String scope) {
        return keys.size() < MAX_KEYS
                || others.contains(SharedBarriers.all())
                || (scope != null && (others.contains(scope) || count(SharedBarriers.SCOPE) < MAX_SCOPES));
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
        keys.put(kept.name, kept.scope);
        if (keys.size() > MAX_KEYS) {
            String scope = kept.scope != null
                    ? kept.scope
                    : keys.values().stream()
                            .filter(Objects::nonNull)
                            .findFirst()
                            .orElse(SharedBarriers.all());
            keys.values().removeIf(scope::equals);
            addOther(scope);
        }
    }

    private void addOther(String name) {
        others.add(name);
        if (others.size() > SharedBarriers.MAX_NAMES || name.equals(SharedBarriers.all())) {
            keys.clear();
            others.clear();
            others.add(SharedBarriers.all());
        }
    }

    synchronized boolean isEmpty() {
        return keys.isEmpty() && others.isEmpty();
    }

    /** All of them as lines, which {@link #addLine} reads. */
    synchronized List<String> lines() {
        List<String> lines = new ArrayList<>(others);
        keys.forEach((name, scope) -> lines.add(scope == null ? name : name + ' ' + scope));
        return lines;
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

    /** Takes out as many as that at most: those for more than a key first. */
    synchronized List<Kept> take(int most) {
        List<Kept> taken = new ArrayList<>();
        others.stream().limit(most).forEach(name -> taken.add(new Kept(name, null)));
        taken.forEach(kept -> others.remove(kept.name));
        keys.entrySet().stream()
                .limit(most - taken.size())
                .map(key -> new Kept(key.getKey(), key.getValue()))
                .forEach(taken::add);
        taken.forEach(kept -> keys.remove(kept.name));
        return taken;
    }
}
