package dev.refrain.cassettes;

import dev.refrain.engine.exchange.AnswerFacts;
import java.util.List;

/**
 * An answer as the provider sent it. Immutable.
 *
 * @param type content type as sent, or null
 * @param fields other lines of its header, {@code name: value}
 * @param waitMillis until it began
 * @param body not to be changed
 * @param events where the body's events end; empty for an answer that is no event stream
 * @param facts what it says of its cost
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record RecordedAnswer(
        int status,
        String type,
        List<String> fields,
        long waitMillis,
        byte[] body,
        List<Event> events,
        AnswerFacts facts) {
    /**
     * An event of a stream.
     *
     * @param end behind its last byte in the body
     * @param gapMillis between the end of the event before, or the answer's beginning, and its own
     */
    record Event(int end, long gapMillis) {}

    /** Whether a repetition of the request is expected to get the like: false for failures that it may cure. */
    boolean isFinal() {
        return switch (status) {
            case 408, 409, 425, 429 -> false;
            default -> status < 500;
        };
    }
}
