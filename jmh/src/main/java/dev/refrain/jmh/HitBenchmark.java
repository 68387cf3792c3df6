package dev.refrain.jmh;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.Lookup;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.Upstream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Hits through the engine's public API: from a request's bytes to an answer's bytes. */
public class HitBenchmark extends MeasuredInForks {
    private static final CacheControls ON = CacheControls.on(CacheControls.DEFAULT_TTL);
    private static final Upstream NONE = sink -> {
        throw miss();
    };

    /** The fastest lookup for an embedder, which makes no garbage. */
    @Benchmark
    public CachedResponse find(FilledCache filled, Requests requests, Lookups lookups) {
        byte[] body = requests.next();
        CachedResponse hit = lookups.of(filled.cache()).find(lookups.context, body, 0, body.length);
        if (hit == null) {
            throw miss();
        }
        return hit;
    }

    /** One thread's lookup. */
    @State(Scope.Thread)
    public static class Lookups {
        private Lookup lookup;
        private KeyContext context;

        Lookup of(ResponseCache cache) {
            if (lookup == null) {
                lookup = cache.pipeline().newLookup();
                context = cache.pipeline()
                        .context(Endpoint.CHAT, cache.pipeline().scope(Requests.API_KEY))
                        .build();
            }
            return lookup;
        }
    }

    /** The separate steps that an embedder with a pipeline of its own uses. */
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

    /** The floor of a hit: only two library calls, SHA-256 of the request and LZ4 decompression of the answer. */
    @Benchmark
    public int floor(CompressedAnswers answers, Requests requests, Digests digests, AnswerBuffers buffers) {
        int entry = requests.nextEntry();
        int last = digests.sha256(requests.to(entry))[31];
        return answers.decompress(answers.block(entry), buffers.bytes) + last;
    }

    static IllegalStateException miss() {
        return new IllegalStateException("A request missed: what is measured here is not a hit");
    }
}
