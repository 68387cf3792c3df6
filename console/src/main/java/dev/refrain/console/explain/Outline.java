package dev.refrain.console.explain;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.KeyParts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The record of a stored request without its content: for each value in its body, the number of the value's path, and a
 * hash of path and value. Immutable.
 */
final class Outline {
    /** The most differences that are listed; with more, two requests are hardly similar. */
    private static final int MOST_DIFFERENCES = 20;

    /** Estimated bytes of an outline without its values, and without texts whose length clients or providers choose. */
    static final int OWN_BYTES = 1024;

    static final int VALUE_BYTES = Integer.BYTES + 2 * Long.BYTES;

    private final KeyParts parts;
    private final String id;
    private final long millis;
    /** Numbers of the values' paths, in the order of the document. */
    private final int[] paths;
    /** Hashes of path and value, in the same order. */
    private final long[] hashes;
    /** The hashes once more, sorted. */
    private final long[] sorted;

    /**
     * @param parts what went into the request's key
     * @param id generation id of its answer, or null
     * @param millis when its answer was complete
     */
    Outline(KeyParts parts, String id, long millis, int[] paths, long[] hashes) {
        this.parts = parts;
        this.id = id;
        this.millis = millis;
        this.paths = paths;
        this.hashes = hashes;
        this.sorted = sort(hashes);
    }

    String id() {
        return id;
    }

    long millis() {
        return millis;
    }

    long[] hashes() {
        return hashes;
    }

    /** Estimated bytes on the heap. */
    long bytes() {
        // The client chooses the target, up to the length of a head, and the provider chooses the id.
        return OWN_BYTES + bytes(parts.target()) + (id == null ? 0 : bytes(id)) + (long) VALUE_BYTES * hashes.length;
    }

    /** Bytes of a text's characters. */
    static long bytes(String text) {
        return Character.BYTES * (long) text.length();
    }

    private static long[] sort(long[] hashes) {
        long[] sorted = hashes.clone();
        Arrays.sort(sorted);
        return sorted;
    }

    CacheKey key() {
        return parts.key();
    }

    /** Whether two requests have the same endpoint and scope, so that a comparison makes sense. */
    boolean isComparable(KeyParts other) {
        return parts.endpoint() == other.endpoint() && parts.scope().equals(other.scope());
    }

    private boolean has(long hash) {
        return Arrays.binarySearch(sorted, hash) >= 0;
    }

    /** The fraction of the values that are equal, 0 to 1. */
    double similarity(Outline other) {
        int most = Math.max(hashes.length, other.hashes.length);
        if (most == 0) {
            return 1;
        }
        int equal = 0;
        for (int i = 0, j = 0; i < sorted.length && j < other.sorted.length; ) {
            int order = Long.compare(sorted[i], other.sorted[j]);
            if (order == 0) {
                equal++;
            }
            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }
        return (double) equal / most;
    }

    /** The paths at which another request differs from this one, or a sentence if the difference has no path. */
    List<String> differences(Outline other, PathNames names) {
        Set<String> found = new LinkedHashSet<>();
        collect(other, names, found);
        other.collect(this, names, found);
        if (found.isEmpty() && !Arrays.equals(hashes, other.hashes)) {
            int first = Arrays.mismatch(hashes, other.hashes);
            found.add("(order of properties, from " + names.of(paths[Math.min(first, paths.length - 1)]) + " on)");
        } else if (found.isEmpty() && !parts.body().equals(other.parts.body())) {
            found.add("(spelling of a text)");
        }
        if (!parts.query().equals(other.parts.query())) {
            found.add("(query string)");
        }
        if (!parts.headers().equals(other.parts.headers())) {
            found.add("(headers that key.headers names)");
        }
        if (!parts.target().equals(other.parts.target())) {
            found.add("(path)");
        }
        if (!parts.upstream().equals(other.parts.upstream())) {
            found.add("(upstream)");
        }
        if (!parts.preset().equals(other.parts.preset())) {
            found.add("(content of the preset)");
        }
        if (!parts.namespace().equals(other.parts.namespace())) {
            found.add("(namespace)");
        }
        if (parts.sample() != other.parts.sample()) {
            found.add("(sample)");
        }
        return new ArrayList<>(found);
    }

    /** See {@link RuleFinder#rule}. */
    List<String> rule(Outline other, PathNames names) {
        List<String> found = differences(other, names);
        return found.size() >= MOST_DIFFERENCES
                ? List.of()
                : RuleFinder.rule(found, RuleFinder.paths(paths, names::of), RuleFinder.paths(other.paths, names::of));
    }

    /** Adds the paths of values that the other outline lacks. */
    private void collect(Outline other, PathNames names, Set<String> into) {
        for (int i = 0; i < hashes.length && into.size() < MOST_DIFFERENCES; i++) {
            if (!other.has(hashes[i])) {
                into.add(names.of(paths[i]));
            }
        }
    }
}
