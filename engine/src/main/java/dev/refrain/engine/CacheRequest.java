package dev.refrain.engine;

import dev.refrain.engine.internal.request.RequestScan;
import java.util.Objects;

/**
 * A request as the cache sees it: who asks, which endpoint, and the body, read in one pass. Immutable and thread-safe as long as
 * the caller leaves the body's bytes alone.
 */
public final class CacheRequest {
    private final Endpoint endpoint;
    private final String apiKey;
    private final RequestScan body;
    private final int bodyLength;
    private final String upstream;
    private final String query;
    private final String presetFingerprint;
    private final boolean stream;
    /** The body that goes upstream: the one as sent, unless a preset was applied to it. */
    private final RequestScan outgoing;

    private CacheRequest(
            Endpoint endpoint,
            String apiKey,
            RequestScan body,
            int bodyLength,
            String upstream,
            String query,
            String presetFingerprint,
            boolean stream,
            RequestScan outgoing) {
        this.endpoint = endpoint;
        this.apiKey = apiKey;
        this.body = body;
        this.bodyLength = bodyLength;
        this.upstream = upstream;
        this.query = query;
        this.presetFingerprint = presetFingerprint;
        this.stream = stream;
        this.outgoing = outgoing;
    }

    /**
     * Reads a request.
     *
     * @param apiKey the caller's API key, or empty if it has none: all callers without one share their answers
     * @param body the request body as sent, UTF-8 JSON; not copied, must not change while this request is in use
     */
    public static CacheRequest of(Endpoint endpoint, String apiKey, byte[] body) {
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(apiKey, "apiKey");
        RequestScan scan = RequestScan.of(body, 0, body.length);
        // Embeddings never stream, whatever the body says.
        boolean stream = endpoint != Endpoint.EMBEDDINGS && scan.stream();
        return new CacheRequest(endpoint, apiKey, scan, body.length, "", "", "", stream, scan);
    }

    /**
     * The same request at a certain place: requests to different upstreams or with different query strings are never identical.
     *
     * @param upstreamIdentity anything that names the provider, such as its URL
     * @param rawQuery the query string as sent, or empty
     */
    public CacheRequest at(String upstreamIdentity, String rawQuery) {
        Objects.requireNonNull(upstreamIdentity, "upstreamIdentity");
        Objects.requireNonNull(rawQuery, "rawQuery");
        return new CacheRequest(
                endpoint, apiKey, body, bodyLength, upstreamIdentity, rawQuery, presetFingerprint, stream, outgoing);
    }

    /**
     * The same request with a preset applied to it before it goes upstream.
     *
     * @param fingerprint changes whenever the preset's content does
     * @param resolvedBody the body with the preset applied; decides the streaming mode and the model, not the key
     */
    public CacheRequest withPreset(String fingerprint, byte[] resolvedBody) {
        Objects.requireNonNull(fingerprint, "fingerprint");
        RequestScan resolved = RequestScan.of(resolvedBody, 0, resolvedBody.length);
        return new CacheRequest(
                endpoint,
                apiKey,
                body,
                bodyLength,
                upstream,
                query,
                fingerprint,
                endpoint != Endpoint.EMBEDDINGS && resolved.stream(),
                resolved);
    }

    /** The endpoint; never null. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /** Whether the body is one well-formed JSON object; if not, the other facts about it mean nothing. */
    public boolean isJsonObject() {
        return body.isJsonObject();
    }

    /** The top-level {@code model}, or null if there is none. */
    public String model() {
        return body.model();
    }

    /** The {@link #model} of the body that goes upstream, which a preset may have brought. */
    public String upstreamModel() {
        return outgoing.model();
    }

    /** The top-level {@code preset}, or null if there is none. */
    public String preset() {
        return body.preset();
    }

    /** Whether the answer is asked for as an event stream. */
    public boolean stream() {
        return stream;
    }

    /** Whether a {@code responses} request asks to be run in the background (wire rule W19). */
    public boolean background() {
        return endpoint == Endpoint.RESPONSES && body.background();
    }

    String apiKey() {
        return apiKey;
    }

    RequestScan body() {
        return body;
    }

    /** Length of the body as sent, in bytes. */
    int bodyLength() {
        return bodyLength;
    }

    /** See {@link RequestScan#tag}; of the model that is asked for upstream. */
    long modelTag() {
        return outgoing.modelTag();
    }

    String upstream() {
        return upstream;
    }

    String query() {
        return query;
    }

    String presetFingerprint() {
        return presetFingerprint;
    }

    /** Neither the API key nor the prompt. */
    @Override
    public String toString() {
        return endpoint.id() + (stream ? " stream, " : ", ") + bodyLength + " bytes";
    }
}
