package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.request.RequestScan;
import dev.refrain.engine.spi.EntryBuffer;

/** One thread's working memory, so that a lookup allocates nothing. Whoever takes one gives it back by closing it. */
final class Scratch implements AutoCloseable {
    private static final int MAX_POOLED_BYTES = 1 << 20;

    final KeyDeriver.Scratch keys = new KeyDeriver.Scratch();
    final EntryCodec.Scratch codec = new EntryCodec.Scratch();
    final EntryBuffer entry = new EntryBuffer(8 * 1024);
    final CachedResponse response = new CachedResponse();
    final HotAnswers.Scratch hot = new HotAnswers.Scratch();
    final RequestMemo.Scratch memo = new RequestMemo.Scratch();
    /** Changes with every request: whoever keeps it copies it. */
    final CacheKey key = new CacheKey();

    private final RequestScan scan = new RequestScan();
    private final Pool<Scratch> home;

    /** @param home where it goes back to */
    Scratch(Pool<Scratch> home) {
        this.home = home;
    }

    RequestScan scan(byte[] body, int offset, int length) {
        scan.scan(body, offset, length);
        return scan;
    }

    @Override
    public void close() {
        // One large answer must not leave its megabytes behind in every slot of the pool.
        if (entry.bytes().length + response.array().length + memo.bytes() + scan.keptBytes() <= MAX_POOLED_BYTES) {
            // The body is the caller's, and not kept alive for longer than it is used.
            scan.release();
            home.give(this);
        }
    }
}
