package dev.refrain.console.activity;

import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.agrona.concurrent.MessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;

/** A bounded queue of ended requests, from the threads on which they ended to the log. Adding never waits. */
final class FactsQueue {
    /** Room for the hits that two processors answer in a second, at 200 bytes each. */
    private static final int CAPACITY = 8 * 1024 * 1024;

    private static final int TYPE = 1;

    /** At most this many waits for a thread that was preempted between claiming a place in the queue and filling it. */
    private static final int MOST_WAITS = 100;

    private static final long WAIT_NANOS = 10_000;

    private final ManyToOneRingBuffer ring;
    private final Texts texts;
    /** Used by the reader alone. */
    private final Facts facts = new Facts();

    FactsQueue() {
        this(CAPACITY, new Texts());
    }

    /** @param capacity in bytes, a power of two; an eighth of it is the longest request */
    FactsQueue(int capacity, Texts texts) {
        this.texts = texts;
        ring = new ManyToOneRingBuffer(
                new UnsafeBuffer(ByteBuffer.allocateDirect(capacity + RingBufferDescriptor.TRAILER_LENGTH)));
    }

    /** Adds a request from any thread. Returns false if there is no room. */
    boolean offer(Account account, Cost cost) {
        Facts.Outgoing outgoing = new Facts.Outgoing(account, cost, texts);
        int at = ring.tryClaim(TYPE, outgoing.length());
        if (at < 0) {
            return false;
        }
        try {
            outgoing.write(ring.buffer(), at);
        } catch (RuntimeException e) {
            ring.abort(at);
            throw e;
        }
        ring.commit(at);
        return true;
    }

    /**
     * Removes all requests that were added before the call. One reader at a time.
     *
     * @param reader receives each request; the object is reused for the next one
     * @return how many requests were removed
     */
    int drain(Consumer<Facts> reader) {
        MessageHandler handler = (type, buffer, at, length) -> {
            facts.read(buffer, at, texts);
            reader.accept(facts);
        };
        long end = ring.producerPosition();
        int drained = 0;
        // A read also stops at the end of the ring, and at a place that is claimed but not filled.
        for (int waits = 0; ring.consumerPosition() < end && waits < MOST_WAITS; ) {
            int read = ring.read(handler);
            drained += read;
            if (read == 0) {
                waits++;
                LockSupport.parkNanos(WAIT_NANOS);
            }
        }
        return drained;
    }
}
