package dev.refrain.engine.internal.template;

import dev.refrain.engine.AnswerFacts;
import dev.refrain.engine.Endpoint;
import dev.refrain.engine.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * Watches one answer stream by and makes its {@link Template}, or finds out why there can be none; and counts what the answer cost, whatever
 * becomes of it. Belongs to one thread at a time.
 */
public interface AnswerCapture {
    /** How far a capture is. */
    enum State {
        /** The answer may still become a template. */
        OPEN,
        /** There is a template. More of a stream may follow its terminal event: it is appended, or turns the state to rejected. */
        COMPLETE,
        /**
         * A stream over the limit: there will be no template, and the beginning is not held any more, but those who read the live
         * one can go on.
         */
        OVERSIZED,
        /** There is and will be no template. Nothing is held any more but what it takes to count. */
        REJECTED
    }

    /** The largest useful {@code maxBytes}: 256 MiB. A template can be five times as long as its answer and has int offsets. */
    int MAX_BYTES = 1 << 28;

    /**
     * A capture of an answer whose status was 200 and whose body has no content coding.
     *
     * @param streaming whether the answer is an event stream rather than one JSON document
     * @param maxBytes the longest answer that becomes a template, in bytes as sent, comments of a stream aside; at most
     *     {@link #MAX_BYTES}, more means that
     * @param zero where numbers become zero besides usage
     */
    static AnswerCapture of(Endpoint endpoint, boolean streaming, int maxBytes, ZeroPaths zero) {
        return of(endpoint, streaming, maxBytes, zero, new MemoryBudget(Long.MAX_VALUE).open());
    }

    /**
     * The same within a memory budget: a capture that it has no room for ends as one that is too long does.
     *
     * @param memory where all arrays are reserved; whoever opened it closes it when nobody reads the template any more
     * @throws MemoryBudget.Exhausted if there is no room even for the beginning
     */
    static AnswerCapture of(
            Endpoint endpoint, boolean streaming, int maxBytes, ZeroPaths zero, MemoryBudget.Reservation memory) {
        int limit = Math.min(maxBytes, MAX_BYTES);
        AnswerFormat format = AnswerFormat.of(endpoint, streaming);
        return streaming
                ? new StreamCapture(format, limit, zero, memory)
                : new BodyCapture(format, limit, zero, memory);
    }

    /**
     * One of an answer that is not to be a template: it is rejected from the beginning, and counts. It holds one event, or a few kilobytes of
     * a document.
     *
     * @param memory where that is reserved
     * @throws MemoryBudget.Exhausted if there is no room even for the beginning
     */
    static AnswerCapture counting(Endpoint endpoint, boolean streaming, MemoryBudget.Reservation memory) {
        AnswerFormat format = AnswerFormat.of(endpoint, streaming);
        if (streaming) {
            StreamCapture stream = new StreamCapture(format, MAX_COUNTED_EVENT, ZeroPaths.NONE, memory);
            stream.reject(ONLY_COUNTED);
            return stream;
        }
        BodyCapture body = new BodyCapture(format, 0, ZeroPaths.NONE, memory);
        body.reject(ONLY_COUNTED);
        return body;
    }

    /** Why a {@link #counting} one is rejected. */
    String ONLY_COUNTED = "only counted";

    /** The longest event that is looked at where nothing is stored: 16 MiB. */
    int MAX_COUNTED_EVENT = 1 << 24;

    /**
     * More of the answer. Never throws, whatever the bytes are.
     *
     * @param chunk from position to limit; neither is moved and nothing of it is kept
     * @return the state after it; a document is never complete before {@link #end}, a stream is as soon as its terminal event is
     */
    State append(ByteBuffer chunk);

    /** The answer ended, and its framing says that all of it was appended. Never throws; calls after that change nothing. */
    default State end() {
        return end(true);
    }

    /**
     * The answer ended.
     *
     * @param inGoodOrder whether its framing says that all of it was appended; false where only a closed connection says so, which a cut
     *     looks like, too (RFC 9112, 6.3)
     */
    State end(boolean inGoodOrder);

    /**
     * The template of what was appended so far. It does not change when more is appended.
     *
     * @throws IllegalStateException if the state is not {@link State#COMPLETE}
     */
    Template template();

    /**
     * The answer's own id, as far as it has come by: one of 1 to 256 visible ASCII characters. Null if there is none.
     */
    String providerId();

    /** How far it is. */
    State state();

    /** The finished events of a stream, to be read while it grows; null for a document. */
    LiveTemplate live();

    /** Whether all that makes an answer complete has come by; its state may still be {@link State#OVERSIZED}. */
    boolean isTerminated();

    /**
     * Why the state is {@link State#REJECTED} or {@link State#OVERSIZED}, in a few words that hold nothing of the answer; null in any
     * other state.
     */
    String rejection();

    /** What the answer has said of itself until now, whatever the state is; all of it once it has ended. */
    AnswerFacts facts();

    /**
     * Why the answer ended, in all the words that say so: the finish reason of each choice, {@code status} and the reason of an
     * incomplete response, {@code stop_reason}.
     */
    Set<String> finishReasons();
}
