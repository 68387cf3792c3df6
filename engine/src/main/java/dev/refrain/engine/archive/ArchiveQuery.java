package dev.refrain.engine.archive;

import dev.refrain.engine.stats.EntryQuery;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * Which stored answers go into an archive. Immutable and thread-safe.
 *
 * @param matches an answer has to match each of them; empty for all answers
 * @param sinceMillis stored at that time or later, milliseconds since the epoch
 * @param untilMillis stored before that time
 * @param asked the question as somebody typed it, such as {@code since=7d}; empty if nobody did. An export that was
 *     broken off goes on when the same is asked, with the times and scopes that it meant at first
 */
public record ArchiveQuery(List<EntryQuery.Match> matches, long sinceMillis, long untilMillis, String asked) {
    /** All answers. */
    public static final ArchiveQuery ALL = new ArchiveQuery(List.of(), 0, Long.MAX_VALUE);

    /** Copies the list. */
    public ArchiveQuery {
        matches = List.copyOf(matches);
        Objects.requireNonNull(asked, "asked");
    }

    /** One that nobody has typed. */
    public ArchiveQuery(List<EntryQuery.Match> matches, long sinceMillis, long untilMillis) {
        this(matches, sinceMillis, untilMillis, "");
    }

    /** The scopes that answers may have, of all matches; empty for any. */
    public Set<String> scopes() {
        Set<String> scopes = new TreeSet<>();
        matches.forEach(match -> scopes.addAll(match.scopes()));
        return scopes;
    }

    /** The same question with other times, and with other scopes where there are some. */
    public ArchiveQuery meaning(long since, long until, Set<String> scopes) {
        List<EntryQuery.Match> same = matches.stream()
                .map(match -> match.scopes().isEmpty()
                        ? match
                        : new EntryQuery.Match(match.keyPrefix(), scopes, match.models(), match.namespaces()))
                .toList();
        return new ArchiveQuery(same, since, until, asked);
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
