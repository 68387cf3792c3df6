package dev.refrain.engine;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.spi.EntryBuffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A stored answer, ready to be sent: the reusable target of {@link ResponseCache#lookup(CacheKey, CachedResponse)}.
 * Each lookup that hits overwrites it; after a miss its content is undefined. Not thread-safe.
 */
public final class CachedResponse {
    private static final int INITIAL_CAPACITY = 8 * 1024;

    private final EntryBuffer body;
    private final byte[] generationId = new byte[IdFormat.LENGTH];
    private byte[] contentTypeBytes = new byte[0];
    private String contentType = "";
    private byte[] sourceId = new byte[64];
    private int sourceIdLength;
    private long storedAtMillis;
    private long ageSeconds;
    private long ttlSeconds;
    private long tokensSaved;
    private long promptTokensSaved;
    private long completionTokensSaved;
    private long costNanosSaved;
    private byte[] finishReasonBytes = new byte[0];
    private String finishReason;
    private long fetchMillis;

    /** An empty response. Its buffer grows with the answers that are read into it. */
    public CachedResponse() {
        this(new EntryBuffer(INITIAL_CAPACITY));
    }

    CachedResponse(EntryBuffer body) {
        this.body = body;
    }

    /** The array that holds the body; the first {@link #length()} bytes are valid until the next lookup. */
    public byte[] array() {
        return body.bytes();
    }

    /** Length of the body in bytes. */
    public int length() {
        return body.length();
    }

    /** A copy of the body. */
    public byte[] toByteArray() {
        return Arrays.copyOf(body.bytes(), body.length());
    }

    /** A view of the body, valid until the next lookup. */
    public ByteBuffer toByteBuffer() {
        return ByteBuffer.wrap(body.bytes(), 0, body.length());
    }

    /** The media type that the provider sent; empty if it sent none. */
    public String contentType() {
        return contentType;
    }

    /** The id of this replay, as it also stands in the body (wire rule W25). */
    public String generationId() {
        return new String(generationId, StandardCharsets.ISO_8859_1);
    }

    /** The generation id of the response that filled the entry; empty if it had none. */
    public String sourceId() {
        return new String(sourceId, 0, sourceIdLength, StandardCharsets.ISO_8859_1);
    }

    /** When the answer was stored, milliseconds since the epoch. */
    public long storedAtMillis() {
        return storedAtMillis;
    }

    /** Whole seconds since the answer was stored. */
    public long ageSeconds() {
        return ageSeconds;
    }

    /** Whole seconds that the entry has left. Added to {@link #ageSeconds()} they give its lifetime (wire rule W22). */
    public long ttlSeconds() {
        return ttlSeconds;
    }

    /**
     * The tokens that the provider counted for the stored answer, which this replay saves; 0 if the answer did not say.
     */
    public long tokensSaved() {
        return tokensSaved;
    }

    /** The part of {@link #tokensSaved()} that the provider counted for the request; 0 if the answer did not say. */
    public long promptTokensSaved() {
        return Math.max(0, promptTokensSaved);
    }

    /** The facts in the stored answer when it was fetched (tokens, cost, finish reason), without its id; never null. */
    public AnswerFacts facts() {
        return new AnswerFacts(
                null,
                promptTokensSaved,
                completionTokensSaved,
                tokensSaved > 0 ? tokensSaved : AnswerFacts.UNKNOWN,
                costNanosSaved,
                finishReason);
    }

    /** Milliseconds that fetching the stored answer took; 0 if not known. */
    public long fetchMillis() {
        return fetchMillis;
    }

    EntryBuffer body() {
        return body;
    }

    byte[] generationIdBytes() {
        return generationId;
    }

    /**
     * Sets the media type. Reuses the string of the last lookup if the bytes are the same, as they nearly always are.
     */
    void contentType(byte[] from, int offset, int length) {
        if (!Arrays.equals(contentTypeBytes, 0, contentTypeBytes.length, from, offset, offset + length)) {
            contentTypeBytes = Arrays.copyOfRange(from, offset, offset + length);
            contentType = new String(contentTypeBytes, StandardCharsets.ISO_8859_1);
        }
    }

    void times(long storedAt, long expiresAt, long now) {
        storedAtMillis = storedAt;
        ageSeconds = Math.max(0, now - storedAt) / 1000;
        ttlSeconds = (expiresAt - storedAt) / 1000 - ageSeconds;
    }

    /**
     * Copies the source id. Becomes a string only on demand since, unlike the content type, it differs for each answer.
     */
    void sourceId(byte[] from, int offset, int length) {
        if (length > sourceId.length) {
            sourceId = new byte[length];
        }
        System.arraycopy(from, offset, sourceId, 0, length);
        sourceIdLength = length;
    }

    /** Sets the finish reason. Reuses the string of the last lookup, like {@link #contentType}. */
    void finishReason(byte[] from, int offset, int length) {
        if (!Arrays.equals(finishReasonBytes, 0, finishReasonBytes.length, from, offset, offset + length)) {
            finishReasonBytes = Arrays.copyOfRange(from, offset, offset + length);
            finishReason = length == 0 ? null : new String(finishReasonBytes, StandardCharsets.UTF_8);
        }
    }

    void savings(long promptTokens, long completionTokens, long tokens, long costNanos, long fetched) {
        promptTokensSaved = promptTokens;
        completionTokensSaved = completionTokens;
        tokensSaved = tokens;
        costNanosSaved = costNanos;
        fetchMillis = fetched;
    }
}
