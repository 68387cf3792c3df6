package dev.refrain.engine.internal.seal;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.SecretKeySpec;

/**
 * HKDF with SHA-256 (RFC 5869), which the JDK has only from version 25 on. Keeps the last key array between calls, so
 * the caller must not change the array afterwards. Not thread-safe.
 */
public final class Hkdf {
    /** Length of a hash, and so of a pseudorandom key, in bytes. */
    public static final int HASH_LENGTH = 32;

    /** Limit of the output, in bytes (RFC 5869, section 2.3): the counter of blocks is one byte. */
    static final int MAX_LENGTH = 255 * HASH_LENGTH;

    private static final String ALGORITHM = "HmacSHA256";

    private final Mac mac;
    /** The array with which the MAC is keyed; null if none. */
    private byte[] last;

    /** A new instance. */
    public Hkdf() {
        try {
            mac = Mac.getInstance(ALGORITHM);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
        }
    }

    /**
     * Extracts a pseudorandom key from key material (RFC 5869, section 2.2).
     *
     * @param salt need not be secret; empty for none
     * @param material key material of any length
     * @return {@link #HASH_LENGTH} bytes
     */
    public byte[] extract(byte[] salt, byte[] material) {
        // Java does not allow an empty key. By RFC 5869, no salt is the same as a salt of zeros of the hash's length.
        init(salt.length == 0 ? new byte[HASH_LENGTH] : salt);
        return mac.doFinal(material);
    }

    /**
     * Expands a pseudorandom key (RFC 5869, section 2.3).
     *
     * @param key pseudorandom, at least {@link #HASH_LENGTH} bytes
     * @param length length of the output in bytes
     * @param info parts of the context information, which are concatenated; may be empty
     * @throws IllegalArgumentException if the key is too short or the output too long
     */
    public byte[] expand(byte[] key, int length, byte[]... info) {
        if (key.length < HASH_LENGTH || length < 1 || length > MAX_LENGTH) {
            throw new IllegalArgumentException("a key of " + key.length + " bytes for an output of " + length
                    + "; at least " + HASH_LENGTH + " bytes and an output of 1 to " + MAX_LENGTH + " are needed");
        }
        init(key);
        byte[] out = new byte[length];
        byte[] block = new byte[HASH_LENGTH];
        int at = 0;
        for (int counter = 1; at < length; counter++) {
            if (counter > 1) {
                mac.update(block);
            }
            for (byte[] part : info) {
                mac.update(part);
            }
            mac.update((byte) counter);
            finish(block);
            int count = Math.min(HASH_LENGTH, length - at);
            System.arraycopy(block, 0, out, at, count);
            at += count;
        }
        Arrays.fill(block, (byte) 0);
        return out;
    }

    private void finish(byte[] into) {
        try {
            mac.doFinal(into, 0);
        } catch (ShortBufferException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Keys the MAC, unless it has this key already: a finished MAC is ready for another message under the same key. */
    private void init(byte[] key) {
        if (key == last) {
            return;
        }
        last = null;
        try {
            mac.init(new SecretKeySpec(key, ALGORITHM));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("HMAC takes keys of any length", e);
        }
        last = key;
    }
}
