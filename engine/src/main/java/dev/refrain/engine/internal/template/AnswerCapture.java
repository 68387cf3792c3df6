package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.Set;

/**
 * Builds the {@link Template} of one answer while the answer passes through, or finds the reason why there can be none.
 * Counts tokens and cost in either case. Used by one thread at a time.
 */
public interface AnswerCapture {
    /** States of a capture. */
    enum State {
        /** The answer may still become a template. */
        OPEN,
        /**
         * There is a template. Data that follows a stream's terminal event is appended, or changes the
         * state to rejected.
         */
        COMPLETE,
        /**
         * The stream is over the limit. There will be no template, and the beginning is dropped, but readers of the
         * live stream can go on.
         */
        OVERSIZED,
        /** There will be no template. The capture only counts, and holds only what that needs. */
        REJECTED
    }

    /**
     * The largest useful {@code maxBytes}: 256 MiB. A template can be five times as long as its answer, and its
     * offsets are ints.
     */
    int MAX_BYTES = 1 << 28;

    /**
     * A capture of an answer with status 200 and no content coding. If memory runs out, it ends as with an answer that
     * is too long.
     *
     * @param streaming whether the answer is an event stream rather than one JSON document
     * @param maxBytes the longest answer that becomes a template, in bytes as sent, without a stream's comments; at
     *     most {@link #MAX_BYTES}, to which larger values are lowered
     * @param zero paths, besides usage, at which numbers become zero
     * @param memory reserves all arrays; its owner closes it when no reader uses the template any more
     * @throws MemoryBudget.Exhausted if there is no memory for the first buffers
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
     * A capture that only counts, and is rejected from the start. It holds one event, or a few kilobytes of a document.
     *
     * @param memory reserves what it holds
     * @throws MemoryBudget.Exhausted if there is no memory for the first buffers
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
     * A capture of an answer in a format of the caller's own. It is complete when the answer ends.
     *
     * @param maxBytes the longest answer that becomes a template
     * @throws MemoryBudget.Exhausted if there is no memory for the first buffers
     */
    static AnswerCapture ofBytes(int maxBytes, MemoryBudget.Reservation memory) {
        return new BytesCapture(Math.min(maxBytes, MAX_BYTES), memory);
    }

    /** The reason for the rejection of a {@link #counting} capture. */
    String ONLY_COUNTED = "only counted";

    /** Limit of an event that a {@link #counting} capture holds, in bytes: 16 MiB. */
    int MAX_COUNTED_EVENT = 1 << 24;

    /**
     * Takes more of the answer. Never throws, whatever the bytes are.
     *
     * @param chunk read from position to limit, which are not changed; the buffer is not kept
     * @return the state after the chunk. A document is never complete before {@link #end}; a stream is complete at its
     *     terminal event
     */
    State append(ByteBuffer chunk);

    /** Takes the end of an answer whose framing shows that it is whole. Never throws. Later calls change nothing. */
    default State end() {
        return end(true);
    }

    /**
     * Takes the end of the answer.
     *
     * @param inGoodOrder whether the framing shows that the answer is whole; false if its end is only a closed
     *     connection, which may also be a cut (RFC 9112, 6.3)
     */
    State end(boolean inGoodOrder);

    /**
     * The template of the answer so far. It does not change when more is appended.
     *
     * @throws IllegalStateException if the state is not {@link State#COMPLETE}
     */
    Template template();

    /** The answer's own id, 1 to 256 visible ASCII characters; null if none was seen so far. */
    String providerId();

    /** The current state. */
    State state();

    /** The finished events of a stream, which can be read while the stream grows; null for a document. */
    LiveTemplate live();

    /** Number of events of a stream that have ended so far; 0 for a document. */
    default int events() {
        return 0;
    }

    /** Whether the answer is complete, even if its state is {@link State#OVERSIZED}. */
    boolean isTerminated();

    /**
     * The reason for the state {@link State#REJECTED} or {@link State#OVERSIZED}, in a few words without content of the
     * answer; null in other states.
     */
    String rejection();

    /** Whether the reason for the rejection is the memory budget, and not the answer. */
    boolean isOutOfRoom();

    /**
     * Takes the cost from a source that knows it, before the last piece. Ignored if the capture reads the cost
     * in the answer.
     */
    default void tell(AnswerFacts told) {}

    /** Counts and facts seen so far, in any state; complete once the answer has ended. */
    AnswerFacts facts();

    /**
     * All stated reasons why the answer ended: the finish reason of each choice; {@code status} and the reason of an
     * incomplete response; {@code stop_reason}.
     */
    Set<String> finishReasons();
}
