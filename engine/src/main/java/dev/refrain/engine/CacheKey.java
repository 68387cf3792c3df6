package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.CacheStore;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Objects;

/**
 * The identity of a request: 32 bytes of SHA-256 over everything that makes two requests the same (wire rules W10 to
 * W15), with the endpoint and streaming mode that went into it. Immutable and safe to share between threads.
 *
 * <p>Keys come from {@link ResponseCache#key(CacheRequest)}. No API key and no prompt can be read back from a key.
 */
public final class CacheKey {
    /** Length of a digest, in bytes. */
    public static final int LENGTH = CacheStore.KEY_LENGTH;

    /** The {@link #sample} of a key that has none. */
    public static final int NO_SAMPLE = -1;

    private static final int SAMPLES = 10_000;
    private static final byte[] SAMPLE = "refrain sample".getBytes(StandardCharsets.US_ASCII);

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final Endpoint endpoint;
    private final boolean streaming;
    private final long a;
    private final long b;
    private final long c;
    private final long d;
    /**
     * Labels the key's entry, together with {@link #modelTag}. Not part of the key's identity. Null if it is not known.
     */
    private final CacheScope scope;

    private final long modelTag;
    /**
     * Hash of the request, for {@link RequestMemo}; 0 if the request need not be remembered. Not part of the identity.
     */
    private final long requestHash;
    /** Whether the answer is opaque bytes, which the cache does not parse. Part of the digest. */
    private final boolean bytes;
    /** The namespace; null if there is none. Part of the digest, as {@link #sample} is. */
    private final String namespace;

    private final int sample;

    /**
     * Wraps a digest.
     *
     * @param digest read from {@code offset}, {@link #LENGTH} bytes; copied
     * @throws IndexOutOfBoundsException if the digest is shorter than that
     */
    public CacheKey(Endpoint endpoint, boolean streaming, byte[] digest, int offset) {
        this(endpoint, streaming, digest, offset, null, 0, 0, false, null, NO_SAMPLE);
    }

    /**
     * A key whose entry can be removed by scope and by model.
     *
     * @param scope null if it is not known
     * @param modelTag 0 if there is none
     * @param namespace null if there is none
     * @param sample {@link #NO_SAMPLE} if there is none
     */
    CacheKey(
            Endpoint endpoint,
            boolean streaming,
            byte[] digest,
            int offset,
            CacheScope scope,
            long modelTag,
            long requestHash,
            boolean bytes,
            String namespace,
            int sample) {
        this.endpoint = Objects.requireNonNull(endpoint, "endpoint");
        this.streaming = streaming;
        this.a = (long) LONG.get(digest, offset);
        this.b = (long) LONG.get(digest, offset + 8);
        this.c = (long) LONG.get(digest, offset + 16);
        this.d = (long) LONG.get(digest, offset + 24);
        this.scope = scope;
        this.modelTag = modelTag;
        this.requestHash = requestHash;
        this.bytes = bytes;
        this.namespace = namespace;
        this.sample = sample;
    }

    /** The endpoint whose answers this key names; never null. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /** Whether the answer is an event stream rather than one JSON document. */
    public boolean streaming() {
        return streaming;
    }

    /**
     * Identifies the scope of the key without naming the caller: 48 bits of its {@link CacheScope}, as 12 hexadecimal
     * digits. Empty if the key does not know its scope.
     */
    public String scope() {
        return scope == null ? "" : scope.toString();
    }

    /** The first 48 bits of a tag as 12 hexadecimal digits, the lowest byte first. */
    static String hexTag(long tag) {
        return HexFormat.of().toHexDigits(Long.reverseBytes(tag)).substring(0, 12);
    }

    /** The scope; null if it is not known. */
    CacheScope knownScope() {
        return scope;
    }

    boolean isBytes() {
        return bytes;
    }

    long requestHash() {
        return requestHash;
    }

    long scopeTag() {
        return scope == null ? 0 : scope.tag();
    }

    /** A hash of the name of the model that is asked for upstream; 0 if the request names none. */
    public long modelTag() {
        return modelTag;
    }

    /** The namespace that the answer belongs to (wire rule W82); null if there is none. */
    public String namespace() {
        return namespace;
    }

    /** Which of several answers to the same request this key names (wire rule W82), or {@link #NO_SAMPLE}. */
    public int sample() {
        return sample;
    }

    /**
     * The key of one of several answers to the same request.
     *
     * @param number 0 to 9999
     * @throws IllegalArgumentException if it is out of that range
     * @throws IllegalStateException if this key has a sample already
     */
    public CacheKey withSample(int number) {
        requireSample(number);
        if (sample != NO_SAMPLE) {
            throw new IllegalStateException("this key already names sample " + sample);
        }
        byte[] digest = new byte[LENGTH];
        copyTo(digest, 0);
        sample(digest, number, KeyParts.sha256());
        return new CacheKey(endpoint, streaming, digest, 0, scope, modelTag, requestHash, bytes, namespace, number);
    }

    static int requireSample(int number) {
        if (number < 0 || number >= SAMPLES) {
            throw new IllegalArgumentException("a sample is 0 to 9999, was " + number);
        }
        return number;
    }

    /**
     * Turns the digest of a request into that of one of its samples. This does not hash the body again, since a
     * front-end may try a hundred samples of one request.
     *
     * @param sha256 in its initial state
     */
    static void sample(byte[] digest, int number, MessageDigest sha256) {
        sha256.update(SAMPLE);
        sha256.update((byte) number);
        sha256.update((byte) (number >>> 8));
        sha256.update(digest, 0, LENGTH);
        try {
            sha256.digest(digest, 0, LENGTH);
        } catch (DigestException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes the {@link #LENGTH} digest bytes to {@code target} from {@code offset}. */
    public void copyTo(byte[] target, int offset) {
        LONG.set(target, offset, a);
        LONG.set(target, offset + 8, b);
        LONG.set(target, offset + 16, c);
        LONG.set(target, offset + 24, d);
    }

    /**
     * The first 48 bits of the digest as 12 hexadecimal digits. They tell entries apart in a log. Nobody can look an
     * answer up by them.
     */
    public String shortDigest() {
        return hexTag(a);
    }

    /** The bits of {@link #shortDigest} as a number. */
    public long shortBits() {
        return Long.reverseBytes(a) >>> 16;
    }

    /** The whole digest in hexadecimal. */
    public String digest() {
        byte[] digest = new byte[LENGTH];
        copyTo(digest, 0);
        return HexFormat.of().formatHex(digest);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CacheKey that && a == that.a && b == that.b && c == that.c && d == that.d;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(a);
    }

    @Override
    public String toString() {
        return endpoint.id() + (streaming ? "/stream/" : "/body/") + shortDigest();
    }
}
