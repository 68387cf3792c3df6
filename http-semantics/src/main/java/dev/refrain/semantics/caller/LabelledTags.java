package dev.refrain.semantics.caller;

import dev.refrain.engine.memory.BoundedMap;
import java.util.HashSet;
import java.util.Set;

/**
 * The tags of scopes that were lately seen under each configured label. Their number is bounded, because a client with
 * a labelled key can make up any number of scopes by adding other credentials. Tags that stay in use outlive such a
 * flood. All methods are thread-safe.
 */
final class LabelledTags {
    private static final long MAX_BYTES = 1 << 20;

    /** Bytes of an entry without the characters of its two strings. */
    private static final int OWN_BYTES = 120;

    private record Tag(String label, String tag) {}

    private final BoundedMap<Tag, Boolean> tags;

    LabelledTags() {
        this(MAX_BYTES);
    }

    LabelledTags(long maxBytes) {
        tags = new BoundedMap<>(
                maxBytes,
                Integer.MAX_VALUE,
                (tag, any) -> OWN_BYTES
                        + Character.BYTES
                                * ((long) tag.label().length() + tag.tag().length()));
    }

    void add(String label, String tag) {
        Tag added = new Tag(label, tag);
        if (tags.get(added) == null) {
            tags.put(added, true);
        }
    }

    Set<String> of(String label) {
        Set<String> found = new HashSet<>();
        for (Tag tag : tags.keys()) {
            if (tag.label().equals(label)) {
                found.add(tag.tag());
            }
        }
        return found;
    }
}
