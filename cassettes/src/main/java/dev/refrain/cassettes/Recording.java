package dev.refrain.cassettes;

import java.time.Instant;

/**
 * One call to a provider. Immutable.
 *
 * @param attempt number of the answer among those to the same request, in the order in which they came; from 1
 * @param recorded when the answer was recorded
 * @param confirmed when a later run last got an equivalent answer, or null
 * @param by name and version of the program that wrote it
 */
record Recording(
        RecordedRequest request, int attempt, RecordedAnswer answer, Instant recorded, Instant confirmed, String by) {
    /** When the provider last gave this answer. */
    Instant asOf() {
        return confirmed == null ? recorded : confirmed;
    }
}
