package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * Builds the {@link Template} of one answer while the answer passes by, or finds out why there can be none. Counts
 * tokens and money in either case. Belongs to one thread at a time.
 */
public interface AnswerCapture {
    /** States of a capture. */
    enum State {
        /** The answer may still become a template. */
        OPEN,
        /**
         * There is a template. More of a stream may follow its terminal event:
         * it is appended, or turns the state to rejected.
         */
        COMPLETE,
        /**
         * A stream over the limit. There will be no template and the beginning is dropped, but readers of the live
         * stream can go on.
         */
        OVERSIZED,
        /** There will be no template. Only what is needed to count is held. */
        REJECTED
    }

    /**
     * The largest useful {@code maxBytes}: 256 MiB. A template can be five
     * times as long as its answer and has int offsets.
     */
    int MAX_BYTES = 1 << 28;

    /**
     * A capture of an answer whose status was 200 and whose body has no content coding. One that exceeds its memory
     * ends like one that is too long.
     *
     * @param streaming whether the answer is an event stream rather than one JSON document
     * @param maxBytes the longest answer that becomes a template, in bytes as sent, comments of a stream aside; at most
     *     {@link #MAX_BYTES}, more means that
     * @param zero where numbers become zero besides usage
     * @param memory where all arrays are reserved; its owner closes it when nobody reads the template any more
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
     * A capture that only counts: it is rejected from the start. It holds one event, or a few kilobytes of a document.
     *
     * @param memory where these are reserved
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

    /**
     * A capture of an answer that is bytes of its caller's own. It is complete when it ends.
     *
     * @param maxBytes the longest answer that becomes a template
     * @throws MemoryBudget.Exhausted if there is no room even for the beginning
     */
    static AnswerCapture ofBytes(int maxBytes, MemoryBudget.Reservation memory) {
        return new BytesCapture(Math.min(maxBytes, MAX_BYTES), memory);
    }

    /** The rejection of a {@link #counting} capture. */
    String ONLY_COUNTED = "only counted";

    /** The longest event that is counted when nothing is stored: 16 MiB. */
    int MAX_COUNTED_EVENT = 1 << 24;

    /**
     * More of the answer. Never throws, whatever the bytes are.
     *
     * @param chunk from position to limit; neither is moved and nothing of it is kept
     * @return the state after it; a document is never complete before
     *     {@link #end}, a stream is as soon as its terminal event is
     */
    State append(ByteBuffer chunk);

    /**
     * The answer ended, and its framing says that all of it was appended. Never
     * throws; calls after that change nothing.
     */
    default State end() {
        return end(true);
    }

    /**
     * The answer ended.
     *
     * @param inGoodOrder whether its framing says that all of it was appended; false where only a closed connection
     *     says so, which a cut looks like, too (RFC 9112, 6.3)
     */
    State end(boolean inGoodOrder);

    /**
     * The template of what was appended so far. It does not change when more is appended.
     *
     * @throws IllegalStateException if the state is not {@link State#COMPLETE}
     */
    Template template();

    /**
     * The answer's own id: 1 to 256 visible ASCII characters. Null if none was seen so far.
     */
    String providerId();

    /** The current state. */
    State state();

    /** The finished events of a stream, to be read while it grows; null for a document. */
    LiveTemplate live();

    /** How many events of a stream have ended so far; 0 for a document. */
    default int events() {
        return 0;
    }

    /** Whether everything that makes the answer complete was seen; the state may still be {@link State#OVERSIZED}. */
    boolean isTerminated();

    /**
     * Why the state is {@link State#REJECTED} or {@link State#OVERSIZED}, in a few words that hold nothing of the
     * answer; null in any other state.
     */
    String rejection();

    /** Whether it gave up because the memory budget had no room for more, which is no fault of the answer's. */
    boolean isOutOfRoom();

    /** What the source says that the answer cost, before the last piece. An answer that says it itself needs it not. */
    default void tell(AnswerFacts told) {}

    /** Counts and facts seen so far, in any state; complete once the answer has ended. */
    AnswerFacts facts();

    /**
     * Why the answer ended, in all the words that say so: the finish reason of each choice, {@code status} and the
     * reason of an incomplete response, {@code stop_reason}.
     */
    Set<String> finishReasons();
}
