package dev.refrain.jmh;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A cache that only derives keys. */
@State(Scope.Benchmark)
public class EmptyCache {
    private TemporaryCache temporary;

    @Setup(Level.Trial)
    public void open() throws IOException {
        temporary = new TemporaryCache(16L << 20);
    }

    @TearDown(Level.Trial)
    public void close() throws IOException {
        temporary.close();
    }

    CacheKey key(byte[] body) {
        return cache().key(CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, body))
                .orElseThrow();
    }

    ResponseCache cache() {
        return temporary.cache();
    }
}
