package dev.refrain.engine.internal.seal;

/**
 * The key from which the keys of all entries of one scope are derived: an HMAC of the caller's credentials under a key
 * that comes from the secret of the installation or cluster. It cannot be made without the credentials. They cannot be
 * read back from it, so it may be kept in memory with the scope (wire rule W15); it is never written anywhere.
 * Immutable and thread-safe.
 */
public final class ScopeKey {
    private final byte[] bytes;

    /** @param bytes {@link Hkdf#HASH_LENGTH} of them; not copied */
    public ScopeKey(byte[] bytes) {
        if (bytes.length != Hkdf.HASH_LENGTH) {
            throw new IllegalArgumentException("a key of " + bytes.length + " bytes, not " + Hkdf.HASH_LENGTH);
        }
        this.bytes = bytes;
    }

    /** The key itself; only read. */
    byte[] bytes() {
        return bytes;
    }

    /** Not the key. */
    @Override
    public String toString() {
        return "key of a scope";
    }
}
