package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.request.RequestScan;
import java.util.Objects;

/**
 * A request as the cache sees it: who asks, which endpoint, and the body, which is read in one pass when something
 * about it is asked for the first time. Immutable and thread-safe as long as the caller leaves the body's bytes alone.
 */
public final class CacheRequest {
    private final Endpoint endpoint;
    /** Null if it is still to be made of the next three. */
    private final KeyContext context;

    private final String apiKey;
    private final String upstream;
    private final String query;
    private final byte[] bytes;
    private final int offset;
    private final int length;
    private final String presetFingerprint;
    /** The body that goes upstream if a preset was applied to it, else null. */
    private final RequestScan resolved;

    /** Null until it is needed. */
    private volatile RequestScan scan;

    private CacheRequest(
            Endpoint endpoint,
            KeyContext context,
            String apiKey,
            String upstream,
            String query,
            byte[] bytes,
            int offset,
            int length,
            String presetFingerprint,
            RequestScan resolved,
            RequestScan scan) {
        this.endpoint = endpoint;
        this.context = context;
        this.apiKey = apiKey;
        this.upstream = upstream;
        this.query = query;
        this.bytes = bytes;
        this.offset = offset;
        this.length = length;
        this.presetFingerprint = presetFingerprint;
        this.resolved = resolved;
        this.scan = scan;
    }

    /**
     * A request.
     *
     * @param context of a {@link ResponseCache}, for which alone the request is good
     * @param body the request body as sent, UTF-8 JSON; not copied, must not change while this request is in use
     */
    public static CacheRequest of(KeyContext context, byte[] body) {
        return of(context, body, 0, body.length);
    }

    /**
     * A request whose body is a part of an array.
     *
     * @throws IndexOutOfBoundsException if the part is not within the array
     */
    public static CacheRequest of(KeyContext context, byte[] body, int offset, int length) {
        Objects.requireNonNull(context, "context");
        Objects.checkFromIndexSize(offset, length, body.length);
        return new CacheRequest(context.endpoint(), context, null, null, null, body, offset, length, "", null, null);
    }

    /**
     * A request of a caller with one API key. Good for any cache; for many requests with the same key, a
     * {@link KeyContext} is made once.
     *
     * @param apiKey the caller's API key, or empty if it has none: all callers without one share their answers
     * @param body the request body as sent, UTF-8 JSON; not copied, must not change while this request is in use
     */
    public static CacheRequest of(Endpoint endpoint, String apiKey, byte[] body) {
        return of(endpoint, apiKey, body, 0, body.length);
    }

    /**
     * A request of a caller with one API key, whose body is a part of an array.
     *
     * @throws IndexOutOfBoundsException if the part is not within the array
     */
    public static CacheRequest of(Endpoint endpoint, String apiKey, byte[] body, int offset, int length) {
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(apiKey, "apiKey");
        Objects.checkFromIndexSize(offset, length, body.length);
        return new CacheRequest(endpoint, null, apiKey, "", "", body, offset, length, "", null, null);
    }

    /**
     * The same request at a certain place: requests to different upstreams or
     * with different query strings are never identical.
     *
     * @param upstreamIdentity anything that names the provider, such as its URL
     * @param rawQuery the query string as sent, or empty
     * @throws IllegalStateException if the request was made of a {@link KeyContext}, which says that
     */
    public CacheRequest at(String upstreamIdentity, String rawQuery) {
        if (context != null) {
            throw new IllegalStateException("the request's context says where it goes");
        }
        Objects.requireNonNull(upstreamIdentity, "upstreamIdentity");
        Objects.requireNonNull(rawQuery, "rawQuery");
        return new CacheRequest(
                endpoint,
                null,
                apiKey,
                upstreamIdentity,
                rawQuery,
                bytes,
                offset,
                length,
                presetFingerprint,
                resolved,
                scan);
    }

    /**
     * The same request with a preset applied to it before it goes upstream.
     *
     * @param fingerprint changes whenever the preset's content does
     * @param resolvedBody the body with the preset applied; decides the streaming mode and the model, not the key
     */
    public CacheRequest withPreset(String fingerprint, byte[] resolvedBody) {
        Objects.requireNonNull(fingerprint, "fingerprint");
        return new CacheRequest(
                endpoint,
                context,
                apiKey,
                upstream,
                query,
                bytes,
                offset,
                length,
                fingerprint,
                RequestScan.of(resolvedBody, 0, resolvedBody.length),
                scan);
    }

    /** The endpoint; never null. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /** Whether the body is one well-formed JSON object; if not, the other facts about it mean nothing. */
    public boolean isJsonObject() {
        return body().isJsonObject();
    }

    /** The top-level {@code model}, or null if there is none. */
    public String model() {
        return body().model();
    }

    /** The {@link #model} of the body that goes upstream, which a preset may have brought. */
    public String upstreamModel() {
        return outgoing().model();
    }

    /** The top-level {@code preset}, or null if there is none. */
    public String preset() {
        return body().preset();
    }

    /** Whether the answer is asked for as an event stream. */
    public boolean stream() {
        return streams(endpoint, outgoing());
    }

    /** Embeddings never stream, whatever the body says. */
    static boolean streams(Endpoint endpoint, RequestScan body) {
        return endpoint != Endpoint.EMBEDDINGS && body.stream();
    }

    /** Whether a {@code responses} request asks to be run in the background (wire rule W19). */
    public boolean background() {
        return isBackground(endpoint, body());
    }

    static boolean isBackground(Endpoint endpoint, RequestScan body) {
        return endpoint == Endpoint.RESPONSES && body.background();
    }

    /** Whether a {@code responses} request goes on in a conversation that the provider keeps (wire rule W19). */
    public boolean conversation() {
        return isInConversation(endpoint, body());
    }

    static boolean isInConversation(Endpoint endpoint, RequestScan body) {
        return endpoint == Endpoint.RESPONSES && body.conversation();
    }

    /** A copy of the body that goes upstream: as sent, or with a preset applied to it. */
    public byte[] upstreamBody() {
        return outgoing().copy();
    }

    /**
     * The same request with other bodies.
     *
     * @param made its own context
     * @param body in place of the one that was sent
     * @param resolvedBody likewise; null if no preset was applied
     */
    CacheRequest withBodies(KeyContext made, byte[] body, RequestScan resolvedBody) {
        return new CacheRequest(
                endpoint, made, null, null, null, body, 0, body.length, presetFingerprint, resolvedBody, null);
    }

    /** What goes into the key beside the body. */
    KeyContext context(KeyDeriver deriver) {
        return context != null
                ? context
                : new KeyContext.Builder(deriver, endpoint, deriver.scope(apiKey))
                        .upstream(upstream)
                        .query(query)
                        .build();
    }

    /** The body as sent. Threads that race here do the same twice. */
    RequestScan body() {
        RequestScan scanned = scan;
        if (scanned == null) {
            scanned = RequestScan.of(bytes, offset, length);
            scan = scanned;
        }
        return scanned;
    }

    /** The body that goes upstream. */
    RequestScan outgoing() {
        return resolved != null ? resolved : body();
    }

    boolean hasPreset() {
        return resolved != null;
    }

    /** The array that holds the body as sent. */
    byte[] bytes() {
        return bytes;
    }

    int offset() {
        return offset;
    }

    /** Length of the body as sent, in bytes. */
    int bodyLength() {
        return length;
    }

    String presetFingerprint() {
        return presetFingerprint;
    }

    /** Neither the API key nor the prompt. */
    @Override
    public String toString() {
        return endpoint.id() + ", " + length + " bytes";
    }
}
