package dev.refrain.http.upstream;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.internal.PlatformDependent;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What connections read into and write from. Sockets want direct memory, which is the JVM's and bounded; others live on
 * it, too, the engine's hot answers with up to a quarter. So connections get a quarter, and heap beyond it, which costs
 * a copy. How much they take in all is bounded by {@link Admission}: what a call may hold is reserved when it begins.
 *
 * <p>Thread-safe.
 */
final class ConnectionBuffers extends AbstractByteBufAllocator {
    private static final int PAGE_BYTES = 8192;
    /** Chunks are so many times as large as pages, as a power of two: 1 MiB. */
    private static final int CHUNK_ORDER = 7;
    /** Direct memory is taken from the JVM in pieces of this size; all but one or two for a thread are given back. */
    static final int CHUNK_BYTES = PAGE_BYTES << CHUNK_ORDER;

    private final PooledByteBufAllocator pool;
    private final long mostDirectBytes;
    /** Bytes of buffers since it was last looked how much there is, and whether there was any left. */
    private final AtomicLong sinceLooked = new AtomicLong();

    private volatile boolean isLeft;

    /**
     * @param threads that read and write
     * @param mostDirectBytes that may be taken of direct memory
     */
    ConnectionBuffers(int threads, long mostDirectBytes) {
        this.mostDirectBytes = mostDirectBytes;
        // Nothing is kept for a thread: it would stay taken.
        this.pool = new PooledByteBufAllocator(false, threads, threads, PAGE_BYTES, CHUNK_ORDER, 0, 0, false);
    }

    /** With what connections may take of this JVM's. */
    static ConnectionBuffers ofJvm(int threads) {
        return new ConnectionBuffers(threads, PlatformDependent.estimateMaxDirectMemory() / 4);
    }

    /** What is taken of direct memory, in bytes; at most {@code mostDirectBytes} and two chunks for each thread. */
    long directBytes() {
        return pool.metric().usedDirectMemory();
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
        return isDirectLeft(initialCapacity)
                ? pool.directBuffer(initialCapacity, maxCapacity)
                : newHeapBuffer(initialCapacity, maxCapacity);
    }

    /**
     * Whether there is direct memory left. Adding up all chunks takes longer than making a buffer, so it is done once
     * for a chunk's worth of buffers.
     */
    private boolean isDirectLeft(int bytes) {
        if (sinceLooked.addAndGet(bytes) < CHUNK_BYTES && isLeft) {
            return true;
        }
        sinceLooked.set(0);
        isLeft = directBytes() + CHUNK_BYTES <= mostDirectBytes;
        return isLeft;
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
        return pool.heapBuffer(initialCapacity, maxCapacity);
    }

    @Override
    public boolean isDirectBufferPooled() {
        return true;
    }
}
