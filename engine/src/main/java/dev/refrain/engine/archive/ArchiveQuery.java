package dev.refrain.engine.archive;

import dev.refrain.engine.stats.EntryQuery;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which stored answers go into an archive. Immutable and thread-safe.
 *
 * @param matches an answer has to match each of them; empty for all answers
 * @param sinceMillis stored at that time or later, milliseconds since the epoch
 * @param untilMillis stored before that time
 */
public record ArchiveQuery(List<EntryQuery.Match> matches, long sinceMillis, long untilMillis) {
    /** All answers. */
    public static final ArchiveQuery ALL = new ArchiveQuery(List.of(), 0, Long.MAX_VALUE);

    /** Copies the list. */
    public ArchiveQuery {
        matches = List.copyOf(matches);
    }

    /** The same in words that are equal for equal questions, and name no scope but by its digits. */
    public String describe() {
        StringBuilder text = new StringBuilder();
        for (EntryQuery.Match match : matches) {
            add(text, "key", match.keyPrefix() == null ? Set.of() : Set.of(match.keyPrefix()));
            add(text, "scope", match.scopes());
            add(text, "model", match.models());
            add(text, "namespace", match.namespaces());
        }
        if (sinceMillis > 0) {
            add(text, "since", Set.of(Long.toString(sinceMillis)));
        }
        if (untilMillis < Long.MAX_VALUE) {
            add(text, "until", Set.of(Long.toString(untilMillis)));
        }
        return text.isEmpty() ? "all" : text.toString();
    }

    private static void add(StringBuilder text, String name, Set<String> values) {
        if (!values.isEmpty()) {
            text.append(text.isEmpty() ? "" : "; ").append(name).append('=');
            text.append(String.join(",", new TreeSet<>(values)));
        }
    }
}
