package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.request.IgnoredMembers;
import dev.refrain.engine.internal.request.RequestScan;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.EntryBuffer;

/** One thread's working memory, so that a lookup allocates nothing. Closing it gives it back to its pool. */
final class Scratch implements AutoCloseable {
    /**
     * Limit of the bytes that a pooled scratch holds. A pool has a few slots for each processor, and all may be full.
     */
    private static final int MAX_POOLED_BYTES =
            (int) Math.min(1 << 20, Runtime.getRuntime().maxMemory() / 256);

    final KeyDeriver.Scratch keys = new KeyDeriver.Scratch();
    final EntryCodec.Scratch codec = new EntryCodec.Scratch();
    final EntryBuffer entry;
    final CachedResponse response;
    final HotAnswers.Scratch hot = new HotAnswers.Scratch();
    final RequestMemo.Scratch memo = new RequestMemo.Scratch();
    final KeyBuffer key = new KeyBuffer();

    /** Holds a sealed entry; null until one is read or written. */
    private EntryBuffer sealed;

    private final MemoryBudget memory;
    private final RequestScan scan = new RequestScan();
    private final Pool<Scratch> home;

    /**
     * @param home the pool that this object goes back to when it is closed
     * @param memory the budget from which large buffers are reserved
     */
    Scratch(Pool<Scratch> home, MemoryBudget memory) {
        this.home = home;
        this.memory = memory;
        this.entry = new EntryBuffer(8 * 1024, MAX_POOLED_BYTES, memory);
        this.response = new CachedResponse(new EntryBuffer(8 * 1024, MAX_POOLED_BYTES, memory));
    }

    /** The buffer for a sealed entry. */
    EntryBuffer sealed() {
        if (sealed == null) {
            sealed = new EntryBuffer(8 * 1024, MAX_POOLED_BYTES, memory);
        }
        return sealed;
    }

    /** @param without members of the body that are left out; null for none */
    RequestScan scan(byte[] body, int offset, int length, IgnoredMembers without) {
        scan.scan(body, offset, length, without);
        return scan;
    }

    @Override
    public void close() {
        // One large answer must not leave its megabytes behind in every slot of the pool.
        int sealedLength = sealed == null ? 0 : sealed.bytes().length;
        if (sealedLength + entry.bytes().length + response.array().length + memo.bytes() + scan.keptBytes()
                <= MAX_POOLED_BYTES) {
            // The body belongs to the caller, so the pool must not keep it alive.
            scan.release();
            home.give(this);
        } else {
            entry.release();
            response.body().release();
            if (sealed != null) {
                sealed.release();
            }
        }
    }
}
