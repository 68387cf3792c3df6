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
 * Seals and opens the pieces of one live stream: AES-256-GCM under a key that is used for this stream alone,
 * HKDF-Expand (key of the scope, label | entry's key | token of the lease | salt), with the number of the piece as
 * nonce. So a piece opens in its place only, and in no other stream. A number is sealed once: to seal it again with
 * another content would use a nonce twice.
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
     * For one stream.
     *
     * @param scope of the caller for whom it is fetched
     * @param key of the entry
     * @param token of the lease under which it is fetched
     * @param salt of the stream, {@link #SALT_LENGTH} random bytes
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

    /** A new salt. */
    public static byte[] newSalt() {
        byte[] salt = new byte[SALT_LENGTH];
        RANDOM.nextBytes(salt);
        return salt;
    }

    /**
     * Seals a piece.
     *
     * @param number from 0, each once
     * @param piece of which {@code length} bytes are sealed
     * @param before stands in front of the result as it is; may be empty
     * @return the sealed piece, behind {@code before}
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
     * @param from where the sealed piece begins
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
