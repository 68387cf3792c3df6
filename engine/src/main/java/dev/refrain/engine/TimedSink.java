package dev.refrain.engine;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Fails an answer that has not ended in time, so that nobody waits for ever for an upstream that never ends its sink.
 * Later calls of the upstream are ignored.
 *
 * <p>The timeout fires on a thread of its own, but one thread at a time may call a sink. So deliveries hold a lock, and
 * the timeout only tries to take it. If a delivery is under way, the timeout sets {@link #late}, and the delivering
 * thread fails the answer after its piece.
 */
final class TimedSink extends ForwardingSink implements Deadlines.Waiting {
    private static final Logger LOG = LoggerFactory.getLogger(TimedSink.class);
    private static final Executor EXPIRY = new CompletableFuture<Void>().defaultExecutor();

    private final Duration limit;
    private final ReentrantLock delivering = new ReentrantLock();
    /** Where the timeout fails the answer, since the JVM's timer thread must not be held up. */
    private final Executor expiry;

    private final Deadlines deadlines;
    /** The deadline by {@link Deadlines#nanoTime}; set when the call is made. */
    private long deadlineNanos;

    /** Whether the answer has ended or failed. Guarded by {@link #delivering}. */
    private boolean over;

    private volatile boolean late;

    // Guarded by this.
    private Upstream.Call call;
    private boolean cancelled;

    TimedSink(ResponseSink target, Duration limit) {
        this(target, limit, Deadlines.OF_JVM, EXPIRY);
    }

    TimedSink(ResponseSink target, Duration limit, Deadlines deadlines, Executor expiry) {
        super(target);
        this.limit = limit;
        this.deadlines = deadlines;
        this.expiry = expiry;
    }

    /**
     * Makes the call. Throws what the upstream throws.
     *
     * @return the call. Cancelling it also cancels its timeout
     */
    Upstream.Call start(Upstream upstream) {
        deadlineNanos = deadlines.nanoTime() + limit.toNanos();
        deadlines.add(this);
        boolean made = false;
        try {
            Upstream.Call running = upstream.fetch(this);
            made = running != null;
            if (made) {
                handOver(running);
            }
            return made ? () -> breakOff(running) : null;
        } finally {
            if (!made) {
                deadlines.remove(this);
            }
        }
    }

    private void breakOff(Upstream.Call running) {
        // The deadlines would keep this sink, its reader and the cache alive.
        deadlines.remove(this);
        running.cancel();
    }

    /** Whether the timeout is still pending. A pending timeout keeps this sink alive. */
    boolean isWaiting() {
        return deadlines.contains(this);
    }

    @Override
    public long deadlineNanos() {
        return deadlineNanos;
    }

    @Override
    public void passed() {
        expiry.execute(this::expire);
    }

    /** Fails the answer, since the deadline has passed. */
    void expire() {
        late = true;
        failIfLate();
    }

    private void handOver(Upstream.Call running) {
        boolean tooLate;
        synchronized (this) {
            call = running;
            tooLate = cancelled;
        }
        if (tooLate) {
            running.cancel();
        }
    }

    @SuppressWarnings("CatchingUnchecked") // whatever the upstream throws, nobody waits for it any more
    private void cancel() {
        Upstream.Call running;
        synchronized (this) {
            cancelled = true;
            running = call;
        }
        if (running != null) {
            try {
                running.cancel();
            } catch (Throwable e) {
                LOG.warn("An upstream call that took too long could not be cancelled", e);
            }
        }
    }

    private void failIfLate() {
        // If another thread holds the lock, that thread calls this method after it has released the lock.
        if (late && delivering.tryLock()) {
            boolean fails = !over;
            over = true;
            delivering.unlock();
            if (fails) {
                // Outside of the lock, since nothing is delivered any more and this may take long.
                try {
                    client().fail(new TimeoutException("the upstream did not end its answer within " + limit));
                } finally {
                    cancel();
                }
            }
        }
    }

    private void deliver(Runnable piece, boolean last) {
        delivering.lock();
        try {
            if (over) {
                return;
            }
            over = last;
            if (last) {
                deadlines.remove(this);
            }
            piece.run();
        } finally {
            delivering.unlock();
            failIfLate();
        }
    }

    @Override
    public void head(ResponseHead head) {
        deliver(() -> super.head(head), false);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        deliver(() -> super.chunk(bytes), false);
    }

    @Override
    public void cost(AnswerFacts facts) {
        deliver(() -> super.cost(facts), false);
    }

    @Override
    public void end() {
        deliver(super::end, true);
    }

    @Override
    public void fail(Throwable cause) {
        deliver(() -> super.fail(cause), true);
    }
}
