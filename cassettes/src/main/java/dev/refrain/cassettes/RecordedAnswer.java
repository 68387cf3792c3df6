package dev.refrain.cassettes;

import dev.refrain.engine.exchange.AnswerFacts;
import java.util.List;

/**
 * An answer as the provider sent it. Immutable.
 *
 * @param type content type as sent, or null
 * @param fields other lines of the header, {@code name: value}
 * @param waitMillis from the call until the answer's head
 * @param body not to be changed
 * @param events of the body; empty for an answer that is no event stream
 * @param facts tokens and cost that the answer states
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
     * @param end position in the body behind the event's last byte
     * @param gapMillis from the end of the event before, or from the answer's head, to the end of this event
     */
    record Event(int end, long gapMillis) {}

    /** Whether a retry is expected to get the same kind of answer: false for failures that a retry may cure. */
    boolean isFinal() {
        return switch (status) {
            case 408, 409, 425, 429 -> false;
            default -> status < 500;
        };
    }
}
