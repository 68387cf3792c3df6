package dev.refrain.engine;

import dev.refrain.engine.internal.seal.ScopeKey;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Identifies callers that share answers, by 32 bytes that stand for their credentials (wire rule W15).
 * {@link CachePipeline#scope(String)} derives them by HMAC-SHA-256 under the installation's secret. Without the secret
 * they reveal nothing of the credentials. Immutable and thread-safe.
 */
public final class CacheScope {
    /** Length of a scope in bytes. */
    static final int LENGTH = 32;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final byte[] bytes;
    /** Seals the answers of this scope; null if nothing is sealed. Not part of the scope's identity. */
    private final ScopeKey sealKey;

    /** @param bytes {@link #LENGTH} of them; not copied */
    CacheScope(byte[] bytes) {
        this(bytes, null);
    }

    /**
     * A scope whose answers are sealed.
     *
     * @param sealKey derived from the same credentials; null if nothing is sealed
     */
    CacheScope(byte[] bytes, ScopeKey sealKey) {
        this.bytes = bytes;
        this.sealKey = sealKey;
    }

    /** The key that seals the answers of this scope; null if nothing is sealed. */
    ScopeKey sealKey() {
        return sealKey;
    }

    /** A copy of the scope's bytes. */
    byte[] bytes() {
        return bytes.clone();
    }

    /** The label of the entries of this scope: its first eight bytes as a little-endian number. */
    public long tag() {
        return (long) LONG.get(bytes, 0);
    }

    /** The {@link #tag} as 16 hexadecimal digits, the lowest byte first. {@link CacheKey#scope} shows the first 12. */
    public String hexTag() {
        return HexFormat.of().toHexDigits(Long.reverseBytes(tag()));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CacheScope that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(tag());
    }

    /** The digits that {@link CacheKey#scope} shows. */
    @Override
    public String toString() {
        return CacheKey.hexTag(tag());
    }
}
