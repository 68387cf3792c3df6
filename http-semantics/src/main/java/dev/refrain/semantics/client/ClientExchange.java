package dev.refrain.semantics.client;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Hands one answer from the cache, which must not block, to a reader, which blocks on an {@link InputStream}. Bytes
 * that the reader has not taken are held within the memory budget. Beyond {@link #AHEAD} bytes the source waits.
 *
 * <p>The lock guards the fields. Of foreign code, only {@link ClientRequest#isCancelled} runs under it. Long, since
 * both ends share the lock.
 */
final class ClientExchange extends InputStream implements ResponseSink {
    /** Bytes by which the source may be ahead of the reader before it must wait. */
    private static final int AHEAD = 64 * 1024;

    /** Interval at which a waiting reader checks whether its request was cancelled. */
    private static final long CHECK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final ClientRequest request;
    private final RequestRecord record;
    private final MemoryBudget.Reservation memory;
    /** {@link System#nanoTime} at which the request times out; meaningful only if {@link #isLimited}. */
    private final long deadline;

    private final boolean isLimited;
    /** Nanoseconds that the reader waits for bytes of a call that another request makes; zero for no limit. */
    private final long silence;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<ByteBuffer> pieces = new ArrayDeque<>(2);
    private long held;
    private boolean isHit;
    private ResponseHead head;
    private Throwable failure;
    private boolean isCalling;
    private boolean ended;
    private boolean left;
    private boolean served;
    /** Runs once, when there is a head or a failure; null if no action is registered. */
    private Runnable begun;

    private Runnable drained;
    private Runnable gone;

    ClientExchange(ClientRequest request, RequestRecord record, MemoryBudget budget) {
        this.request = request;
        this.record = record;
        this.memory = budget.open();
        long timeout = request.timeout() == null ? 0 : request.timeout().toNanos();
        this.isLimited = timeout > 0;
        this.deadline = System.nanoTime() + timeout;
        this.silence = request.readTimeout() == null ? 0 : request.readTimeout().toNanos();
    }

    // ---- the cache's end

    /** Notes that this request calls the provider itself. */
    void calling() {
        lock.lock();
        try {
            isCalling = true;
        } finally {
            lock.unlock();
        }
    }

    /** Whether this request makes the call, so that the client's own timeouts apply. */
    boolean isCalling() {
        lock.lock();
        try {
            return isCalling;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void head(ResponseHead answer) {
        record.head(answer.status(), answer.generationId(), answer.cache());
        Runnable action;
        lock.lock();
        try {
            head = answer;
            // A stored answer comes whole and at once, so the budget need not bound it.
            isHit = CacheOutcome.isWhole(answer.cache());
            action = changed();
        } finally {
            lock.unlock();
        }
        run(action);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        int count = bytes.remaining();
        if (count == 0) {
            return;
        }
        Runnable action = null;
        lock.lock();
        try {
            if (left) {
                return;
            }
            if (isHit || memory.grow(count)) {
                byte[] copy = new byte[count];
                bytes.get(copy);
                pieces.add(ByteBuffer.wrap(copy));
                held += count;
            } else {
                failure = new MemoryBudget.Exhausted();
                action = leave();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        run(action);
    }

    @Override
    public void end() {
        over(null);
    }

    @Override
    public void fail(Throwable cause) {
        over(Objects.requireNonNull(cause, "cause"));
    }

    private void over(Throwable cause) {
        Runnable action;
        lock.lock();
        try {
            if (ended || failure != null) {
                return;
            }
            failure = cause;
            ended = cause == null;
            action = changed();
        } finally {
            lock.unlock();
        }
        run(action);
    }

    @Override
    public void whenDrained(Runnable action) {
        lock.lock();
        try {
            if (held > AHEAD && !left) {
                drained = action;
                return;
            }
        } finally {
            lock.unlock();
        }
        action.run();
    }

    @Override
    public void whenGone(Runnable action) {
        lock.lock();
        try {
            gone = action;
            if (!left) {
                return;
            }
        } finally {
            lock.unlock();
        }
        action.run();
    }

    @Override
    public boolean hasReader() {
        lock.lock();
        try {
            return !left && !request.isCancelled();
        } finally {
            lock.unlock();
        }
    }

    /** Wakes waiting readers. The caller runs the returned action after releasing the lock. */
    private Runnable changed() {
        changed.signalAll();
        Runnable action = begun;
        begun = null;
        return action;
    }

    private static void run(Runnable action) {
        if (action != null) {
            action.run();
        }
    }

    // ---- the reader's end: how the answer begins

    /** Waits until there is a head or a failure. */
    void awaitHead() throws IOException {
        lock.lock();
        try {
            long begin = System.nanoTime();
            while (head == null && failure == null) {
                await(begin);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Runs the action once there is a head or a failure; at once if there is one already. */
    void whenBegun(Runnable action) {
        lock.lock();
        try {
            if (head == null && failure == null) {
                begun = action;
                return;
            }
        } finally {
            lock.unlock();
        }
        action.run();
    }

    /** The answer's head; null if there is none. */
    ResponseHead head() {
        lock.lock();
        try {
            return head;
        } finally {
            lock.unlock();
        }
    }

    /** Why the answer has failed; null if it has not. */
    Throwable failure() {
        lock.lock();
        try {
            return failure;
        } finally {
            lock.unlock();
        }
    }

    /** Takes the whole body if it has arrived; else null. */
    byte[] takeWhole() {
        byte[] whole;
        lock.lock();
        try {
            if (!ended) {
                return null;
            }
            if (pieces.size() == 1) {
                whole = pieces.removeFirst().array();
            } else {
                ByteBuffer all = ByteBuffer.allocate((int) held);
                pieces.forEach(all::put);
                pieces.clear();
                whole = all.array();
            }
            held = 0;
            memory.close();
        } finally {
            lock.unlock();
        }
        record.wrote(whole.length);
        served(false);
        return whole;
    }

    // ---- the reader's end: the body

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, into.length);
        if (length == 0) {
            return 0;
        }
        int count = 0;
        Runnable action = null;
        lock.lock();
        try {
            long begin = System.nanoTime();
            while (pieces.isEmpty() && !ended && failure == null && !left) {
                await(begin);
            }
            if (!pieces.isEmpty()) {
                count = take(into, offset, length);
                if (held <= AHEAD) {
                    action = drained;
                    drained = null;
                }
            } else if (failure != null) {
                throw io(failure);
            } else if (!ended) {
                throw new IOException("the body has been closed");
            }
        } finally {
            lock.unlock();
        }
        run(action);
        if (count == 0) {
            served(false);
            return -1;
        }
        record.wrote(count);
        return count;
    }

    private int take(byte[] into, int offset, int length) {
        int count = 0;
        while (count < length && !pieces.isEmpty()) {
            ByteBuffer first = pieces.getFirst();
            int some = Math.min(first.remaining(), length - count);
            first.get(into, offset + count, some);
            count += some;
            if (!first.hasRemaining()) {
                pieces.removeFirst();
            }
        }
        held -= count;
        memory.shrink(count);
        return count;
    }

    @Override
    public int available() {
        lock.lock();
        try {
            return (int) Math.min(Integer.MAX_VALUE, held);
        } finally {
            lock.unlock();
        }
    }

    /** The reader wants no more. The answer is fetched all the same, where that is worth it (wire rule W29). */
    @Override
    public void close() {
        boolean isWhole;
        Runnable action;
        lock.lock();
        try {
            isWhole = ended;
            action = left ? null : leave();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        run(action);
        served(!isWhole);
    }

    /** Drops what the reader has not taken. The caller runs the returned action after releasing the lock. */
    private Runnable leave() {
        left = true;
        pieces.clear();
        held = 0;
        memory.close();
        Runnable resume = drained;
        Runnable listener = gone;
        drained = null;
        return () -> {
            run(listener);
            run(resume);
        };
    }

    private void served(boolean broken) {
        lock.lock();
        try {
            if (served) {
                return;
            }
            served = true;
        } finally {
            lock.unlock();
        }
        record.served(broken);
    }

    /**
     * Waits for a change for at most {@link #CHECK_NANOS}. Called with the lock held. Throws if the request was
     * cancelled or has timed out.
     *
     * @param begin {@link System#nanoTime} at which the program began to wait
     */
    @SuppressWarnings("WaitNotInLoop") // callers loop
    private void await(long begin) throws IOException {
        if (request.isCancelled()) {
            throw new IOException("Canceled");
        }
        long nanos = CHECK_NANOS;
        if (isLimited) {
            nanos = Math.min(nanos, deadline - System.nanoTime());
            if (nanos <= 0) {
                throw new InterruptedIOException("timeout");
            }
        }
        if (silence > 0 && !isCalling) {
            nanos = Math.min(nanos, begin + silence - System.nanoTime());
            if (nanos <= 0) {
                throw new SocketTimeoutException("timeout");
            }
        }
        try {
            // The caller's loop works out the remaining time again.
            long unused = changed.awaitNanos(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    /** Wraps a failure in an {@link IOException}, unless it is one already, since a stream may throw nothing else. */
    static IOException io(Throwable failure) {
        return failure instanceof IOException io ? io : new IOException("the answer broke off", failure);
    }
}
