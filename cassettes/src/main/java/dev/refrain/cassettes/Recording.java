package dev.refrain.cassettes;

import java.time.Instant;

/**
 * One call to a provider. Immutable.
 *
 * @param attempt from 1: which of several answers to the same request, in the order in which they came
 * @param recorded when
 * @param confirmed when a later run got an answer like it, or null
 * @param by what wrote it
 */
record Recording(
        RecordedRequest request, int attempt, RecordedAnswer answer, Instant recorded, Instant confirmed, String by) {
    /** When the provider last answered so. */
    Instant asOf() {
        return confirmed == null ? recorded : confirmed;
    }
}
