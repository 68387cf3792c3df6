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
    /** A second's worth of what two processors can answer: a hit takes 200 bytes. */
    private static final int CAPACITY = 8 * 1024 * 1024;

    private static final int TYPE = 1;

    /** How often to wait for a thread that has claimed a place in the queue and was preempted before it filled it. */
    private static final int MOST_WAITS = 100;

    private static final long WAIT_NANOS = 10_000;

    private final ManyToOneRingBuffer ring;
    private final Texts texts;
    /** The reader's. */
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
     * Takes out what was added before this was called. One reader at a time.
     *
     * @param reader gets the same object again and again
     * @return how many there were
     */
    int drain(Consumer<Facts> reader) {
        MessageHandler handler = (type, buffer, at, length) -> {
            facts.read(buffer, at, texts);
            reader.accept(facts);
        };
        long end = ring.producerPosition();
        int drained = 0;
        // One read stops at the end of the ring, or at a place that has not been filled yet.
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
