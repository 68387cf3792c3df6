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
 * @param sinceMillis only answers stored at this time or later, milliseconds since the epoch
 * @param untilMillis only answers stored before this time, milliseconds since the epoch
 * @param asked the query as a user typed it, such as {@code since=7d}; empty if a program made it. An interrupted
 *     export resumes if the same text is given again, and keeps the times and scopes that the text stood for at first
 */
public record ArchiveQuery(List<EntryQuery.Match> matches, long sinceMillis, long untilMillis, String asked) {
    /** All answers. */
    public static final ArchiveQuery ALL = new ArchiveQuery(List.of(), 0, Long.MAX_VALUE);

    /** Copies the list. */
    public ArchiveQuery {
        matches = List.copyOf(matches);
        Objects.requireNonNull(asked, "asked");
    }

    /** A query that a program makes, without the text of a user. */
    public ArchiveQuery(List<EntryQuery.Match> matches, long sinceMillis, long untilMillis) {
        this(matches, sinceMillis, untilMillis, "");
    }

    /** The scopes that the matches name, all together; empty if none names one. */
    public Set<String> scopes() {
        Set<String> scopes = new TreeSet<>();
        matches.forEach(match -> scopes.addAll(match.scopes()));
        return scopes;
    }

    /** The same query with these times, and with these scopes in each match that names scopes. */
    public ArchiveQuery meaning(long since, long until, Set<String> scopes) {
        List<EntryQuery.Match> same = matches.stream()
                .map(match -> match.scopes().isEmpty()
                        ? match
                        : new EntryQuery.Match(match.keyPrefix(), scopes, match.models(), match.namespaces()))
                .toList();
        return new ArchiveQuery(same, since, until, asked);
    }

    /** A description that is the same for equal queries. It names a scope only by its tag's digits. */
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
