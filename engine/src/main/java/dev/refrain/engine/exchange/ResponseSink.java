package dev.refrain.engine.exchange;

import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * Receives an answer piece by piece. Upstream calls, captures, replays and front-ends all use this interface, so that
 * streams need no code of their own.
 *
 * <p>The order of calls is {@code head (chunk)* (end | fail)}; {@code fail} may also come first. Nothing follows
 * {@code end} or {@code fail}, except {@code fail} after an {@code end} that threw. One thread at a time makes the
 * calls, with a happens-before edge between two calls, but not always the same thread. An implementation must not
 * block: it holds what a slow reader has not taken.
 */
public interface ResponseSink {
    /** The answer begins. */
    void head(ResponseHead head);

    /**
     * More of the body.
     *
     * @param bytes valid only during the call, so copy what must outlive it. The position may be moved freely
     */
    void chunk(ByteBuffer bytes);

    /**
     * The cost of an answer that the cache does not parse ({@code KeyContext.Builder.bytes}), from a source that knows
     * it. Called before the last piece of the body, if at all. Ignored for answers that the cache parses.
     */
    default void cost(AnswerFacts facts) {}

    /** The answer is complete. */
    void end();

    /**
     * Back-pressure: runs the action once the reader has taken everything so far, so that a source can wait. By default
     * the action runs at once, on the calling thread; a sink that can wait runs it on any thread. At most one action
     * waits at a time.
     */
    default void whenDrained(Runnable action) {
        action.run();
    }

    /**
     * Runs the action, on any thread, if the reader goes away before it has the answer; at once if the reader has gone
     * already. A sink that cannot tell this never runs the action. A later action replaces an earlier one. After the
     * reader has gone, other methods may still be called and do nothing.
     */
    default void whenGone(Runnable action) {}

    /**
     * Whether the reader is still connected, as far as can be told without waiting. False once the reader seems to have
     * gone; a reader that has closed only one direction still gets its answer. If all readers of a call return false,
     * and the provider has sent nothing for some time, no request joins the call any more (wire rule W28b). Any thread
     * may call this at any time. True by default.
     */
    default boolean hasReader() {
        return true;
    }

    /**
     * Runs the action with the answer's own facts, after the answer has ended or failed and before the reader is told
     * that. Call this before {@link #head}.
     *
     * @return true if this sink counts the answer; if false, the caller counts it ({@code AnswerMeter})
     */
    default boolean whenCounted(Consumer<AnswerFacts> action) {
        return false;
    }

    /**
     * The answer cannot be completed. If {@link #head} was called, the answer is cut and must not look complete.
     *
     * @param cause never null
     */
    void fail(Throwable cause);
}
