package dev.refrain.engine;

import java.util.Objects;
import java.util.Optional;

/**
 * Looks answers up by the bytes of requests, and allocates nothing on a hit. Made by {@link CachePipeline#newLookup()}
 * and reused. Not thread-safe: each thread has its own.
 *
 * <pre>{@code
 * CachePipeline pipeline = cache.pipeline();
 * Lookup lookup = pipeline.newLookup();                                                   // one for each thread
 * KeyContext context = pipeline.context(Endpoint.CHAT, pipeline.scope(apiKey)).build();   // one for each API key
 * CachedResponse hit = lookup.find(context, buffer, offset, length);
 * if (hit != null) {
 *     out.write(hit.array(), 0, hit.length());
 * } else {
 *     cache.respond(lookup.request(), controls, upstream, sink);
 * }
 * }</pre>
 */
public final class Lookup {
    private final Answers answers;
    private final CachedResponse response = new CachedResponse();

    private KeyContext context;
    private byte[] body;
    private int offset;
    private int length;

    Lookup(Answers answers) {
        this.answers = answers;
    }

    /**
     * Looks up the answer to a request, which becomes the current request.
     *
     * @param context of the same cache
     * @param body holds the request's body as sent; only read
     * @return the answer, valid until the next call; null if there is none or the request is not eligible
     * @throws IndexOutOfBoundsException if the body is not within the array
     * @throws IllegalArgumentException if another cache made the context
     */
    public CachedResponse find(KeyContext context, byte[] body, int offset, int length) {
        this.context = Objects.requireNonNull(context, "context");
        Objects.checkFromIndexSize(offset, length, body.length);
        this.body = body;
        this.offset = offset;
        this.length = length;
        return answers.find(context, body, offset, length, response) ? response : null;
    }

    /**
     * The current request as an object of its own, for {@link ResponseCache#respond}. Refers to the array that
     * {@link #find} was given.
     *
     * @throws NullPointerException if {@link #find} was not called yet
     */
    public CacheRequest request() {
        return CacheRequest.of(context, body, offset, length);
    }

    /**
     * The key of the current request, for {@link ResponseCache#store} and {@link CachePipeline#capture}. Empty if the
     * request is not eligible.
     *
     * @throws NullPointerException if {@link #find} was not called yet
     */
    public Optional<CacheKey> key() {
        return answers.key(request());
    }
}
