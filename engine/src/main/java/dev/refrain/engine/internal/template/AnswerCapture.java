package dev.refrain.engine.internal.template;

import dev.refrain.engine.Endpoint;
import java.nio.ByteBuffer;

/**
 * Watches one answer stream by and makes its {@link Template}, or finds out why there can be none. Belongs to one thread at a time.
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
        /** There is and will be no template. Nothing is held any more. */
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
     */
    static AnswerCapture of(Endpoint endpoint, boolean streaming, int maxBytes) {
        int limit = Math.min(maxBytes, MAX_BYTES);
        AnswerFormat format = AnswerFormat.of(endpoint, streaming);
        return streaming ? new StreamCapture(format, limit) : new BodyCapture(format, limit);
    }

    /**
     * More of the answer. Never throws, whatever the bytes are.
     *
     * @param chunk from position to limit; neither is moved and nothing of it is kept
     * @return the state after it; a document is never complete before {@link #end}, a stream is as soon as its terminal event is
     */
    State append(ByteBuffer chunk);

    /** The answer ended cleanly: all of it was appended. Never throws; calls after that change nothing. */
    State end();

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
}
