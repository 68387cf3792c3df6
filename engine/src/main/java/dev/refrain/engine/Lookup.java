package dev.refrain.engine;

import java.util.Objects;
import java.util.Optional;

/**
 * Looks answers up from the bytes of requests, and leaves no garbage behind when it finds one. Made by {@link ResponseCache#newLookup()},
 * used again and again; not thread-safe.
 *
 * <pre>{@code
 * Lookup lookup = cache.newLookup();                       // one for each thread
 * CachedResponse hit = lookup.find(Endpoint.CHAT, apiKey, buffer, offset, length);
 * if (hit != null) {
 *     out.write(hit.array(), 0, hit.length());
 * } else {
 *     cache.respond(lookup.request(), controls, upstream, sink);
 * }
 * }</pre>
 */
public final class Lookup {
    private final ResponseCache cache;
    private final CachedResponse response = new CachedResponse();
    private String upstream = "";
    private String query = "";

    private Endpoint endpoint;
    private String apiKey;
    private byte[] body;
    private int offset;
    private int length;

    Lookup(ResponseCache cache) {
        this.cache = cache;
    }

    /**
     * From now on requests go to a certain place, see {@link CacheRequest#at}.
     *
     * @param upstreamIdentity anything that names the provider, such as its URL
     * @param rawQuery the query string as sent, or empty
     * @return this
     */
    public Lookup at(String upstreamIdentity, String rawQuery) {
        upstream = Objects.requireNonNull(upstreamIdentity, "upstreamIdentity");
        query = Objects.requireNonNull(rawQuery, "rawQuery");
        return this;
    }

    /**
     * Looks for an answer to a request, which is the current one from now on.
     *
     * @param apiKey the caller's API key, or empty if it has none
     * @param body holds the request's body as sent, which is only read
     * @return the answer, valid until the next call; null if there is none or the request is not eligible
     * @throws IndexOutOfBoundsException if the body is not within the array
     */
    public CachedResponse find(Endpoint endpoint, String apiKey, byte[] body, int offset, int length) {
        this.endpoint = Objects.requireNonNull(endpoint, "endpoint");
        this.apiKey = Objects.requireNonNull(apiKey, "apiKey");
        Objects.checkFromIndexSize(offset, length, body.length);
        this.body = body;
        this.offset = offset;
        this.length = length;
        return cache.find(endpoint, apiKey, body, offset, length, upstream, query, response) ? response : null;
    }

    /**
     * The current request as an object of its own, for {@link ResponseCache#respond}. Refers to the array that {@link #find} was given.
     *
     * @throws NullPointerException if there is none yet
     */
    public CacheRequest request() {
        return CacheRequest.of(endpoint, apiKey, body, offset, length).at(upstream, query);
    }

    /**
     * The key of the current request, for {@link ResponseCache#store} and {@link ResponseCache#capture}; empty if it is not eligible.
     *
     * @throws NullPointerException if there is none yet
     */
    public Optional<CacheKey> key() {
        return cache.key(request());
    }
}
