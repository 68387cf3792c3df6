package dev.refrain.semantics.caller;

import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;

/** Which scopes were lately shown under a configured label. Thread-safe. */
final class LabelledTags {
    /** About 600 KiB. */
    private static final int MOST = 4096;

    private record Tag(String label, String tag) {}

    private final Set<Tag> tags = new LinkedHashSet<>();

    synchronized void add(String label, String tag) {
        Tag added = new Tag(label, tag);
        if (!tags.add(added)) {
            return;
        }
        if (tags.size() > MOST) {
            Iterator<Tag> oldest = tags.iterator();
            oldest.next();
            oldest.remove();
        }
    }

    synchronized Set<String> of(String label) {
        Set<String> found = new HashSet<>();
        for (Tag tag : tags) {
            if (tag.label().equals(label)) {
                found.add(tag.tag());
            }
        }
        return found;
    }
}
