package dev.refrain.engine.internal.seal;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Seals and opens the pieces of one live stream, by AES-256-GCM. The key is used only for this stream: HKDF-Expand(key
 * of the scope, label | entry's key | token of the lease | salt). The nonce is the number of the piece. So a piece can
 * be opened only at its place in its stream. A number must not be sealed again with another content, because that would
 * use a nonce twice.
 *
 * <p>Belongs to one thread at a time.
 */
public final class StreamSeal {
    /** Length of a salt in bytes. */
    public static final int SALT_LENGTH = 32;

    private static final int TAG_LENGTH = 16;
    private static final int NONCE_LENGTH = 12;
    private static final int KEY_LENGTH = 32;
    private static final byte[] LABEL = "refrain sealed stream 1".getBytes(StandardCharsets.US_ASCII);
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Cipher aes;
    private final SecretKeySpec secret;

    /**
     * A seal for one stream.
     *
     * @param scope key of the scope of the caller for whom the stream is fetched
     * @param key key of the entry
     * @param token token of the lease under which the stream is fetched
     * @param salt salt of the stream, {@link #SALT_LENGTH} random bytes
     */
    public StreamSeal(ScopeKey scope, byte[] key, long token, byte[] salt) {
        byte[] number = ByteBuffer.allocate(Long.BYTES).putLong(token).array();
        byte[] own = new Hkdf().expand(scope.bytes(), KEY_LENGTH, LABEL, key, number, salt);
        secret = new SecretKeySpec(own, "AES");
        Arrays.fill(own, (byte) 0);
        try {
            aes = Cipher.getInstance("AES/GCM/NoPadding");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has AES in GCM", e);
        }
    }

    /** A new random salt. */
    public static byte[] newSalt() {
        byte[] salt = new byte[SALT_LENGTH];
        RANDOM.nextBytes(salt);
        return salt;
    }

    /**
     * Seals a piece.
     *
     * @param number number of the piece, from 0; each number is sealed once
     * @param piece array whose first {@code length} bytes are sealed
     * @param before bytes that the result begins with, unencrypted; may be empty
     * @return {@code before} and the sealed piece
     */
    public byte[] seal(int number, byte[] piece, int length, byte[] before) {
        byte[] sealed = Arrays.copyOf(before, before.length + length + TAG_LENGTH);
        try {
            aes.init(Cipher.ENCRYPT_MODE, secret, nonce(number));
            aes.doFinal(piece, 0, length, sealed, before.length);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("a piece of a stream could not be sealed", e);
        }
        return sealed;
    }

    /**
     * Opens a piece.
     *
     * @param sealed any bytes at all
     * @param from index of the sealed piece in the array
     * @return the piece; null if it was not sealed with this number for this stream
     */
    public byte[] open(int number, byte[] sealed, int from) {
        if (sealed.length - from < TAG_LENGTH) {
            return null;
        }
        try {
            aes.init(Cipher.DECRYPT_MODE, secret, nonce(number));
            return aes.doFinal(sealed, from, sealed.length - from);
        } catch (AEADBadTagException e) {
            return null;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("a piece of a stream could not be opened", e);
        }
    }

    private static GCMParameterSpec nonce(int number) {
        byte[] nonce = ByteBuffer.allocate(NONCE_LENGTH)
                .putInt(NONCE_LENGTH - Integer.BYTES, number)
                .array();
        return new GCMParameterSpec(TAG_LENGTH * 8, nonce);
    }
}
