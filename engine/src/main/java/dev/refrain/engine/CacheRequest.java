package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.request.IgnoredMembers;
import dev.refrain.engine.internal.request.RequestScan;
import java.io.InputStream;
import java.util.List;
import java.util.Objects;

/**
 * A request as the cache sees it: the caller and the endpoint (a {@link KeyContext}, or an API key), the body, and the
 * preset that is applied to it. The body is parsed in one pass, when a property of it is first needed. Immutable and
 * thread-safe as long as the caller leaves the body's bytes alone. No parameter may be null.
 */
public final class CacheRequest {
    /** Estimated heap of a request's own objects, without arrays and texts, in bytes. */
    private static final int OWN_BYTES = 512;

    private final KeySource source;
    private final byte[] bytes;
    private final int offset;
    private final int length;
    private final AppliedPreset preset;

    /** The parsed body; null until it is needed. */
    private volatile RequestScan scan;

    /**
     * A preset that was applied to a request.
     *
     * @param fingerprint goes into the key; empty if there is no preset
     * @param body the body that goes upstream; null if that is the body as sent
     */
    private record AppliedPreset(String fingerprint, RequestScan body) {
        private static final AppliedPreset NONE = new AppliedPreset("", null);
    }

    private CacheRequest(
            KeySource source, byte[] bytes, int offset, int length, AppliedPreset preset, RequestScan scan) {
        this.source = source;
        this.bytes = bytes;
        this.offset = offset;
        this.length = length;
        this.preset = preset;
        this.scan = scan;
    }

    /**
     * A request.
     *
     * @param context of a {@link ResponseCache}; the request can be used with that cache only. Other caches throw an
     *     {@link IllegalArgumentException} for it
     * @param body the request body as sent, UTF-8 JSON; not copied, must not change while this request is in use
     */
    public static CacheRequest of(KeyContext context, byte[] body) {
        return of(context, body, 0, body.length);
    }

    /**
     * A request whose body is a part of an array.
     *
     * @param body holds the request body; see {@link #of(KeyContext, byte[])}
     * @param offset of the body's first byte
     * @param length of the body, in bytes
     * @throws IndexOutOfBoundsException if the part is not within the array
     */
    public static CacheRequest of(KeyContext context, byte[] body, int offset, int length) {
        Objects.requireNonNull(context, "context");
        Objects.checkFromIndexSize(offset, length, body.length);
        return new CacheRequest(context, body, offset, length, AppliedPreset.NONE, null);
    }

    /**
     * A request of a caller with one API key, which can be used with any cache. Other credentials, a provider, a query
     * string and headers need a {@link KeyContext} ({@link CachePipeline#context}), which is made once and so saves an
     * HMAC for each request.
     *
     * @param apiKey the caller's API key, or empty if it has none: all callers without an API key share their answers
     * @param body the request body as sent, UTF-8 JSON; not copied, must not change while this request is in use
     */
    public static CacheRequest of(Endpoint endpoint, String apiKey, byte[] body) {
        Objects.requireNonNull(endpoint, "endpoint");
        Objects.requireNonNull(apiKey, "apiKey");
        return new CacheRequest(new KeySource.ApiKey(endpoint, apiKey), body, 0, body.length, AppliedPreset.NONE, null);
    }

    /**
     * The same request with a preset applied to it before it goes upstream.
     *
     * @param fingerprint changes whenever the preset's content does; goes into the key
     * @param resolvedBody the body with the preset applied; decides the streaming mode and the model, not the key
     */
    public CacheRequest withPreset(String fingerprint, byte[] resolvedBody) {
        Objects.requireNonNull(fingerprint, "fingerprint");
        RequestScan resolved = RequestScan.of(resolvedBody, 0, resolvedBody.length);
        return new CacheRequest(source, bytes, offset, length, new AppliedPreset(fingerprint, resolved), scan);
    }

    /** The endpoint; never null. */
    public Endpoint endpoint() {
        return source.endpoint();
    }

    /** Whether the body is one well-formed JSON object; if not, the other facts about it mean nothing. */
    public boolean isJsonObject() {
        return body().isJsonObject();
    }

    /** The top-level {@code model}, or null if there is none. */
    public String model() {
        return body().fields().model();
    }

    /** The {@link #model} of the body that goes upstream, which a preset may have set. */
    public String upstreamModel() {
        return outgoing().fields().model();
    }

    /**
     * The texts in the top-level list {@code models} of the body as sent: OpenRouter's models to try in turn. Empty if
     * there is no list; {@code *} alone, for any model, if the value is not a proper list or is too long.
     */
    public List<String> models() {
        return body().fields().models();
    }

    /** The {@link #models} of the body that goes upstream. */
    public List<String> upstreamModels() {
        return outgoing().fields().models();
    }

    /** The top-level {@code preset}, or null if there is none. */
    public String preset() {
        return body().fields().preset();
    }

    /** Whether the request asks for an event stream. */
    public boolean stream() {
        return streams(endpoint(), outgoing());
    }

    /** Embeddings never stream, whatever the body says. */
    static boolean streams(Endpoint endpoint, RequestScan body) {
        return endpoint != Endpoint.EMBEDDINGS && body.fields().stream();
    }

    /** Whether a {@code responses} request asks to be run in the background (wire rule W19). */
    static boolean isBackground(Endpoint endpoint, RequestScan body) {
        return endpoint == Endpoint.RESPONSES && body.fields().background();
    }

    /** Whether a {@code responses} request goes on in a conversation that the provider keeps (wire rule W19). */
    static boolean isInConversation(Endpoint endpoint, RequestScan body) {
        return endpoint == Endpoint.RESPONSES && body.fields().conversation();
    }

    /** A copy of the body that goes upstream: as sent, or with a preset applied to it. */
    public byte[] upstreamBody() {
        return outgoing().copy();
    }

    /** Reads the body that goes upstream in place, instead of copying it. For one thread; need not be closed. */
    public InputStream upstreamInput() {
        return outgoing().input();
    }

    /**
     * The same request with other bodies.
     *
     * @param made the context of the new request
     * @param body takes the place of the body as sent
     * @param resolvedBody takes the place of the body with the preset applied; null if no preset was applied
     */
    CacheRequest withBodies(KeyContext made, byte[] body, RequestScan resolvedBody) {
        return new CacheRequest(
                made, body, 0, body.length, new AppliedPreset(preset.fingerprint(), resolvedBody), null);
    }

    /** The parts of the key other than the body. */
    KeyContext context(KeyDeriver deriver) {
        return source.context(deriver);
    }

    /** The parsed body as sent. Racing threads may both parse it; their results are equal. */
    RequestScan body() {
        RequestScan scanned = scan;
        if (scanned == null) {
            KeyRules rules = source.rules();
            scanned = RequestScan.of(bytes, offset, length, rules == null ? null : rules.members());
            scan = scanned;
        }
        return scanned;
    }

    /** Like {@link #body()}, but without the members that the cache's key rules ignore. */
    RequestScan body(KeyContext context) {
        IgnoredMembers without = context.rules().members();
        return without == null || source.rules() != null ? body() : RequestScan.of(bytes, offset, length, without);
    }

    /** The body that goes upstream. */
    RequestScan outgoing() {
        return hasPreset() ? preset.body() : body();
    }

    boolean hasPreset() {
        return preset.body() != null;
    }

    /**
     * Roughly how much heap stays in use while this request is kept, in bytes: its bodies, what was parsed of them, and
     * the other parts of its key.
     */
    public long heldBytes() {
        RequestScan known = scan;
        return OWN_BYTES
                + source.heldBytes()
                + bytes.length
                + (known == null ? 0 : known.keptBytes())
                + (hasPreset()
                        ? preset.body().keptBytes() + (long) preset.body().length()
                        : 0);
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
        return preset.fingerprint();
    }

    /** Reveals neither the API key nor the prompt. */
    @Override
    public String toString() {
        return endpoint().id() + ", " + length + " bytes";
    }
}
