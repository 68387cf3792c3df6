package dev.refrain.engine.exchange;

import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * Where an answer goes, piece by piece: the one shape that upstream calls, captures, replays and front-ends share, so
 * that a stream is no second code path.
 *
 * <p>The calls come in the order {@code head (chunk)* (end | fail)}; {@code fail} may also come
 * first. They come from one thread at a time, with a happens-before edge between them, but not
 * always from the same thread. After {@code end} or {@code fail} nothing follows. An implementation
 * must not block: an answer that its reader takes slowly is the implementation's to hold.
 */
public interface ResponseSink {
    /** The answer begins. */
    void head(ResponseHead head);

    /**
     * More of the body.
     *
     * @param bytes valid only during the call; what must outlive it has to be copied. The position may be moved freely
     */
    void chunk(ByteBuffer bytes);

    /** The answer is complete. */
    void end();

    /**
     * Back-pressure: runs the action once everything passed on so far has been taken,
     * so that a source can wait with more. At once, on the calling thread, unless a
     * sink knows better; then on any thread. At most one action waits at a time.
     */
    default void whenDrained(Runnable action) {
        action.run();
    }

    /**
     * Runs the action, on any thread, if the reader goes away before it has its answer, and at once if it has gone
     * already. Never, unless a sink can tell. A later action replaces an earlier one; calls of other methods are then
     * still allowed and do nothing.
     */
    default void whenGone(Runnable action) {}

    /**
     * Whether somebody is still there to read, as far as can be told without waiting: false once the reader seems to
     * have gone, although it may have closed one direction alone and gets its answer all the same. A call that has
     * fallen silent is not joined any more when this is false for all who wait for it (wire rule W28b). May be asked at
     * any time, by any thread; true unless a sink knows better.
     */
    default boolean hasReader() {
        return true;
    }

    /**
     * Runs the action with what the answer said of itself, once it has ended or failed and before its reader hears of
     * that. To be called before {@link #head}.
     *
     * @return whether this sink reads the answer anyway and does so; if not, the caller meters it ({@code AnswerMeter})
     */
    default boolean whenCounted(Consumer<AnswerFacts> action) {
        return false;
    }

    /**
     * The answer cannot be completed. If {@link #head} was called already, what
     * was passed on is cut and must not look complete.
     *
     * @param cause never null
     */
    void fail(Throwable cause);
}
