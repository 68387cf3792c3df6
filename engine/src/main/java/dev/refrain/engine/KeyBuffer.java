package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.CacheStore;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.MessageDigest;

/**
 * A mutable key in a thread's working memory, so that a hit allocates no {@link CacheKey}. The next request overwrites
 * it; {@link #toKey} makes a key that can be kept. Not thread-safe.
 */
final class KeyBuffer {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes = new byte[CacheStore.KEY_LENGTH];
    private Endpoint endpoint = Endpoint.CHAT;
    private boolean streaming;
    /** The scope of the key; null if it is not known. */
    private CacheScope scope;

    private long modelTag;
    private long requestHash;
    private boolean isBytes;
    private String namespace;
    private int sample = CacheKey.NO_SAMPLE;

    /**
     * Makes this the key of a request.
     *
     * @param digest read from {@code offset}, {@link CacheStore#KEY_LENGTH} bytes; copied
     * @param newModelTag 0 if there is none
     */
    void set(KeyContext context, boolean isStreaming, byte[] digest, int offset, long newModelTag) {
        endpoint = context.endpoint();
        streaming = isStreaming;
        System.arraycopy(digest, offset, bytes, 0, CacheStore.KEY_LENGTH);
        scope = context.scope();
        modelTag = newModelTag;
        requestHash = 0;
        isBytes = context.isBytes();
        namespace = context.namespace();
        sample = CacheKey.NO_SAMPLE;
    }

    /** Makes this the key of one of several answers to the same request. */
    void sample(int number, MessageDigest sha256) {
        CacheKey.sample(bytes, number, sha256);
        sample = number;
    }

    /** Makes this equal to a key. Returns this. */
    KeyBuffer set(CacheKey key) {
        endpoint = key.endpoint();
        streaming = key.streaming();
        key.copyTo(bytes, 0);
        scope = key.knownScope();
        modelTag = key.modelTag();
        requestHash = key.requestHash();
        isBytes = key.isBytes();
        namespace = key.namespace();
        sample = key.sample();
        return this;
    }

    /** An immutable copy of this key. */
    CacheKey toKey() {
        return new CacheKey(endpoint, streaming, bytes, 0, scope, modelTag, requestHash, isBytes, namespace, sample);
    }

    Endpoint endpoint() {
        return endpoint;
    }

    boolean streaming() {
        return streaming;
    }

    /** The digest itself, not a copy. Read-only, and valid until the next request. */
    byte[] bytes() {
        return bytes;
    }

    /** The first 64 bits of the digest. */
    long hash() {
        return (long) LONG.get(bytes, 0);
    }

    /** The scope; null if it is not known. */
    CacheScope knownScope() {
        return scope;
    }

    long modelTag() {
        return modelTag;
    }

    /** See {@link CacheKey#requestHash}. */
    long requestHash() {
        return requestHash;
    }

    void requestHash(long hash) {
        requestHash = hash;
    }
}
