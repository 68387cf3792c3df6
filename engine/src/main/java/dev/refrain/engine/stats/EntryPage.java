package dev.refrain.engine.stats;

import java.util.List;

/**
 * Stored answers, sorted. Immutable and thread-safe.
 *
 * @param entries one page of them
 * @param next where the next page begins, or null if there is none
 * @param matching how many answers match, on all pages, as far as the store was read
 * @param bytes room that these take
 * @param seen how many answers were looked at
 * @param complete whether all of the store was read; if not, the time for it was over
 */
public record EntryPage(
        List<StoredEntry> entries, String next, long matching, long bytes, long seen, boolean complete) {}
