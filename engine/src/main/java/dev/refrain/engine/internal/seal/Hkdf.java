package dev.refrain.engine.internal.seal;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.SecretKeySpec;

/**
 * HKDF with SHA-256 (RFC 5869), which the JDK has only from version 25 on. Keeps the last key between calls; whoever
 * passes an array does not change it afterwards. Not thread-safe.
 */
public final class Hkdf {
    /** Length of a hash, and so of a pseudorandom key, in bytes. */
    public static final int HASH_LENGTH = 32;

    /** The longest output in bytes (RFC 5869, section 2.3): the counter is one byte. */
    static final int MAX_LENGTH = 255 * HASH_LENGTH;

    private static final String ALGORITHM = "HmacSHA256";

    private final Mac mac;
    /** What the MAC is keyed with; null if that is not known. */
    private byte[] last;

    /** A new one. */
    public Hkdf() {
        try {
            mac = Mac.getInstance(ALGORITHM);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has " + ALGORITHM, e);
        }
    }

    /**
     * The pseudorandom key of some key material (RFC 5869, section 2.2).
     *
     * @param salt not secret; empty for none
     * @param material as long as it is
     * @return {@link #HASH_LENGTH} bytes
     */
    public byte[] extract(byte[] salt, byte[] material) {
        // An empty key is not allowed in Java; RFC 5869 says that no salt is a hash's length of zeros, which HMAC pads.
        init(salt.length == 0 ? new byte[HASH_LENGTH] : salt);
        return mac.doFinal(material);
    }

    /**
     * Output key material (RFC 5869, section 2.3).
     *
     * @param key pseudorandom, at least {@link #HASH_LENGTH} bytes
     * @param length of the output in bytes
     * @param info what the output is for, one after the other; may be empty
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

    /** Finished MACs are as if they had just been keyed, so the same array need not be expanded again. */
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
