package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.internal.template.Template;
import java.nio.ByteBuffer;

/** How a flight ended. */
sealed interface FlightEnding {
    /**
     * The answer is complete. Followers of a document get the template. For a stream it is null, because followers read
     * the stream itself.
     */
    record Complete(Template template) implements FlightEnding {}

    /**
     * The call brought no complete success. Followers that have had no byte may try again.
     *
     * @param head head of the provider's answer if it is whole and short enough to be kept; else null
     * @param body body of that answer, whose position must not be changed; null without a head
     * @param cause why there is no answer; null if there is an answer, but not a success
     */
    record Failed(ResponseHead head, ByteBuffer body, Throwable cause) implements FlightEnding {
        /** Whether another call would get the same answer, so that all followers get this one (wire rule W28b). */
        boolean isFinal() {
            return head != null && Flight.isClientError(head.status());
        }
    }

    /** The flight made no call. Its followers look for the answer again. */
    record Dissolved() implements FlightEnding {}

    /** Another machine has shared the answer: no call is needed, and followers get it, too. */
    record Shared(SharedAnswer answer) implements FlightEnding {}

    /** The answer is neither stored nor short enough to be kept for others: each follower makes a call of its own. */
    record Unshareable() implements FlightEnding {}
}
