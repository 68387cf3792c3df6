package dev.refrain.engine.stats;

import java.util.List;

/**
 * One page of a sorted list of stored answers. Immutable and thread-safe.
 *
 * @param entries the answers on this page
 * @param next cursor of the next page, or null if this is the last
 * @param matching number of answers that match, on all pages, as far as the store was read
 * @param bytes room that the matching answers take, in bytes
 * @param seen number of answers that were read
 * @param complete whether the whole store was read; false if the time ran out, or a part could not be read
 */
public record EntryPage(
        List<StoredEntry> entries, String next, long matching, long bytes, long seen, boolean complete) {}
