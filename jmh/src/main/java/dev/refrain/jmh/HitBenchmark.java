package dev.refrain.jmh;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.Endpoint;
import dev.refrain.engine.Upstream;
import org.openjdk.jmh.annotations.Benchmark;

/** From a request's bytes to an answer's bytes, through the engine's public API. */
public class HitBenchmark extends MeasuredInForks {
    private static final CacheControls ON = CacheControls.on(CacheControls.DEFAULT_TTL);
    private static final Upstream NONE = sink -> {
        throw miss();
    };

    /** The parts that an embedder with a pipeline of its own uses. */
    @Benchmark
    public CachedResponse hit(FilledCache filled, Requests requests, AnswerBuffers buffers) {
        CacheRequest request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.next());
        CacheKey key = filled.cache().key(request).orElseThrow();
        if (!filled.cache().lookup(key, buffers.response)) {
            throw miss();
        }
        return buffers.response;
    }

    /** The whole pipeline, as the HTTP front-end uses it. */
    @Benchmark
    public int respond(FilledCache filled, Requests requests, CountingSink sink) {
        CacheRequest request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.next());
        filled.cache().respond(request, ON, NONE, sink);
        return sink.bytes();
    }

    static IllegalStateException miss() {
        return new IllegalStateException("A request missed: what is measured here is not a hit");
    }
}
