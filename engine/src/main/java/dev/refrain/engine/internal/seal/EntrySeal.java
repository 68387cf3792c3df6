package dev.refrain.engine.internal.seal;

import dev.refrain.engine.internal.EntryChecksum;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.zip.CRC32C;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Seals and opens entries: AES-256-GCM under a key that is used for one message.
 *
 * <p>Each sealing draws a salt of 32 random bytes, and the key is HKDF-Expand(key of the scope, label | entry's key |
 * salt). So the nonce can be constant: a pair of key and nonce comes again only if a salt does, for the same entry.
 * After 2^32 sealings of one entry, one a second for 136 years, that has a probability of (2^32)^2 / 2^257 = 2^-193. No
 * counter has to survive a crash, and machines need not agree on anything. Random 96-bit nonces under one key for each
 * entry would give 2^-33.
 *
 * <p>What a store needs to expire and evict an entry stays readable in the head, and is authenticated: times, cost,
 * scope and model. All else is encrypted, lengths too. The checksum of the sealed entry replaces that of the open one,
 * which would tell whether a guess of the answer is right.
 *
 * <p>Not thread-safe: each thread has its own.
 */
public final class EntrySeal {
    /** At {@link EntryHead#KIND}: the entry is sealed. A sealed note is a note there. */
    public static final byte KIND = 7;

    /** Offset of {@link #started}. An open entry has lengths there, which are encrypted. */
    public static final int STARTED = 24;

    private static final int VERSION_AT = 5;
    private static final byte VERSION = 1;

    /** The places in the head that are not public, as pairs of offset and length, and all bytes behind the head. */
    private static final int[] HIDDEN = {4, 4, 24, 12, 44, 4};

    private static final int HIDDEN_LENGTH = 20;
    private static final int CHECKSUM_LENGTH = 4;

    private static final int SALT_LENGTH = 32;
    private static final int TAG_LENGTH = 16;
    private static final int KEY_LENGTH = 32;
    private static final int SEALED_AT = EntryHead.LENGTH + SALT_LENGTH;

    /** By how many bytes a sealed entry is longer than the open one. */
    public static final int OVERHEAD = SALT_LENGTH + HIDDEN_LENGTH + TAG_LENGTH;

    private static final int MIN_LENGTH = EntryHead.LENGTH + OVERHEAD;

    private static final byte[] LABEL = "refrain sealed entry 1".getBytes(StandardCharsets.US_ASCII);

    /** Of 96 bits, the length for which GCM needs no hash. Constant, since no key is used twice. */
    private static final GCMParameterSpec NONCE = new GCMParameterSpec(TAG_LENGTH * 8, new byte[12]);

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Hkdf hkdf = new Hkdf();
    private final Cipher aes;
    private final CRC32C crc = new CRC32C();
    private final byte[] salt = new byte[SALT_LENGTH];
    private final byte[] hidden = new byte[HIDDEN_LENGTH];

    /** A new one. */
    public EntrySeal() {
        try {
            aes = Cipher.getInstance("AES/GCM/NoPadding");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has AES in GCM", e);
        }
    }

    /**
     * Seals an entry.
     *
     * @param scope of the caller for whom it is stored
     * @param key of the entry, {@link dev.refrain.engine.spi.CacheStore#KEY_LENGTH} bytes
     * @param open an intact entry; only read
     * @param started when its fetch began, in microseconds of the shared tier's clock; 0 if there is no such tier
     * @param into receives the sealed entry; another buffer
     */
    public void seal(ScopeKey scope, byte[] key, EntryBuffer open, long started, EntryBuffer into) {
        int bodyLength = open.length() - EntryHead.LENGTH;
        if (bodyLength < 0) {
            throw new IllegalArgumentException("an entry of " + open.length() + " bytes has no head");
        }
        byte[] from = open.bytes();
        byte[] to = into.resize(open.length() + OVERHEAD);
        System.arraycopy(from, 0, to, 0, EntryHead.LENGTH);
        copyHidden(from, hidden, true);
        for (int i = 0; i < HIDDEN.length; i += 2) {
            Arrays.fill(to, HIDDEN[i], HIDDEN[i] + HIDDEN[i + 1], (byte) 0);
        }
        to[EntryHead.KIND] = from[EntryHead.KIND] == EntryHead.NOTE ? EntryHead.NOTE : KIND;
        to[VERSION_AT] = VERSION;
        LONG.set(to, STARTED, started);
        RANDOM.nextBytes(salt);
        System.arraycopy(salt, 0, to, EntryHead.LENGTH, SALT_LENGTH);
        try {
            begin(Cipher.ENCRYPT_MODE, scope, key, to);
            int at = SEALED_AT + aes.update(hidden, 0, HIDDEN_LENGTH, to, SEALED_AT);
            aes.doFinal(from, EntryHead.LENGTH, bodyLength, to, at);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("an entry could not be sealed", e);
        }
        EntryChecksum.write(key, to, into.length(), crc);
    }

    /**
     * Opens a sealed entry.
     *
     * @param scope of the caller who asks
     * @param key under which the entry was found
     * @param sealed any bytes at all; only read
     * @param into receives the entry as it was before it was sealed, with its checksum; another buffer. Undefined if
     *     there is none
     * @return whether it was sealed for this scope and this key, and nothing of it has been changed since
     */
    public boolean open(ScopeKey scope, byte[] key, EntryBuffer sealed, EntryBuffer into) {
        if (!EntryChecksum.matches(key, sealed.bytes(), sealed.length(), crc)
                || !openKeepingChecksum(scope, key, sealed, into)) {
            return false;
        }
        EntryChecksum.write(key, into.bytes(), into.length(), crc);
        return true;
    }

    /** Whether bytes say that they are a sealed entry, or a sealed note. */
    public static boolean isSealed(EntryBuffer entry) {
        byte[] head = entry.bytes();
        return entry.length() >= MIN_LENGTH
                && (head[EntryHead.KIND] == KIND || head[EntryHead.KIND] == EntryHead.NOTE)
                && head[VERSION_AT] == VERSION;
    }

    /**
     * The same as {@link #open}, but the checksum is not looked at, since the cipher notices all that it could, and the
     * opened entry has that of the sealed one.
     */
    public boolean openKeepingChecksum(ScopeKey scope, byte[] key, EntryBuffer sealed, EntryBuffer into) {
        byte[] from = sealed.bytes();
        if (!isSealed(sealed)) {
            return false;
        }
        System.arraycopy(from, EntryHead.LENGTH, salt, 0, SALT_LENGTH);
        int length = sealed.length() - OVERHEAD;
        // The hidden part of the head comes first, and for a moment stands where the head's last bytes belong.
        byte[] to = into.resize(length);
        int plainAt = EntryHead.LENGTH - HIDDEN_LENGTH;
        try {
            begin(Cipher.DECRYPT_MODE, scope, key, from);
            aes.doFinal(from, SEALED_AT, sealed.length() - SEALED_AT, to, plainAt);
        } catch (AEADBadTagException e) {
            return false;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("an entry could not be opened", e);
        }
        System.arraycopy(to, plainAt, hidden, 0, HIDDEN_LENGTH);
        System.arraycopy(from, 0, to, 0, EntryHead.LENGTH);
        copyHidden(hidden, to, false);
        return true;
    }

    /** When the fetch of a sealed entry began, as {@link #seal} was told. To be believed once it has been opened. */
    public static long started(byte[] sealed) {
        return (long) LONG.get(sealed, STARTED);
    }

    private void begin(int mode, ScopeKey scope, byte[] key, byte[] sealed) throws GeneralSecurityException {
        byte[] once = hkdf.expand(scope.bytes(), KEY_LENGTH, LABEL, key, salt);
        aes.init(mode, new SecretKeySpec(once, "AES"), NONCE);
        Arrays.fill(once, (byte) 0);
        aes.updateAAD(sealed, CHECKSUM_LENGTH, EntryHead.LENGTH - CHECKSUM_LENGTH);
    }

    /** Copies the hidden places of a head together, or back to where they belong. */
    private static void copyHidden(byte[] from, byte[] to, boolean together) {
        int at = 0;
        for (int i = 0; i < HIDDEN.length; i += 2) {
            System.arraycopy(from, together ? HIDDEN[i] : at, to, together ? at : HIDDEN[i], HIDDEN[i + 1]);
            at += HIDDEN[i + 1];
        }
    }
}
