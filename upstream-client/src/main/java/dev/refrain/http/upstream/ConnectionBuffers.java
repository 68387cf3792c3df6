package dev.refrain.http.upstream;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.internal.PlatformDependent;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The buffers that connections read into and write from. Sockets need direct memory. The JVM bounds it, and others use
 * it as well: the engine's hot answers take up to a quarter. So connections get a quarter, and beyond that heap, which
 * costs a copy. {@link Admission} bounds the total, since it reserves what a call may hold when the call begins.
 *
 * <p>Thread-safe.
 */
final class ConnectionBuffers extends AbstractByteBufAllocator {
    private static final int PAGE_BYTES = 8192;
    /** Binary logarithm of the pages in a chunk: a chunk has 1 MiB. */
    private static final int CHUNK_ORDER = 7;
    /**
     * Direct memory is taken from the JVM in chunks of this size. Unused chunks are given back, all but one or two for
     * each thread.
     */
    static final int CHUNK_BYTES = PAGE_BYTES << CHUNK_ORDER;

    private final PooledByteBufAllocator pool;
    private final long mostDirectBytes;
    /** Bytes of buffers allocated since the last check of direct memory, whose result is {@link #isLeft}. */
    private final AtomicLong sinceCheck = new AtomicLong();

    private volatile boolean isLeft;

    /**
     * @param threads number of threads that read and write
     * @param mostDirectBytes limit of the direct memory to take, in bytes
     */
    ConnectionBuffers(int threads, long mostDirectBytes) {
        this.mostDirectBytes = mostDirectBytes;
        // Without caches for threads, whose memory would never be given back.
        this.pool = new PooledByteBufAllocator(false, threads, threads, PAGE_BYTES, CHUNK_ORDER, 0, 0, false);
    }

    /** Buffers with the connections' share of this JVM's direct memory. */
    static ConnectionBuffers ofJvm(int threads) {
        return new ConnectionBuffers(threads, PlatformDependent.estimateMaxDirectMemory() / 4);
    }

    /** Bytes of direct memory that are taken; at most {@code mostDirectBytes} plus two chunks for each thread. */
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
     * Whether there is direct memory left. Summing up all chunks takes longer than making a buffer, so it is done once
     * for a chunk's worth of buffers.
     */
    private boolean isDirectLeft(int bytes) {
        if (sinceCheck.addAndGet(bytes) < CHUNK_BYTES && isLeft) {
            return true;
        }
        sinceCheck.set(0);
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
