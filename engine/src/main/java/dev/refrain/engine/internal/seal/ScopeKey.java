package dev.refrain.engine.internal.seal;

/**
 * The key from which the keys of all entries of one scope are derived. It is an HMAC of the caller's credentials under
 * a key that is derived from the secret of the installation or cluster. It cannot be computed without the credentials,
 * and does not reveal them. So it may be kept in memory with the scope (wire rule W15). It is never written anywhere.
 * Immutable and thread-safe.
 */
public final class ScopeKey {
    private final byte[] bytes;

    /** @param bytes {@link Hkdf#HASH_LENGTH} bytes; not copied */
    public ScopeKey(byte[] bytes) {
        if (bytes.length != Hkdf.HASH_LENGTH) {
            throw new IllegalArgumentException("a key of " + bytes.length + " bytes, not " + Hkdf.HASH_LENGTH);
        }
        this.bytes = bytes;
    }

    /** The key itself, not a copy; only to be read. */
    byte[] bytes() {
        return bytes;
    }

    /** A text that does not reveal the key. */
    @Override
    public String toString() {
        return "key of a scope";
    }
}
