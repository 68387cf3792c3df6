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
 * Seals and opens entries, by AES-256-GCM under a key that is used only once.
 *
 * <p>Each sealing draws a salt of 32 random bytes, and the key is HKDF-Expand(key of the scope, label | entry's key |
 * salt). So the nonce can be constant: a pair of key and nonce repeats only if a salt repeats for the same entry. After
 * 2^32 sealings of one entry (one a second for 136 years) the probability of that is (2^32)^2 / 2^257 = 2^-193. No
 * counter has to survive a crash, and machines need not coordinate. With one key for each entry and random 96-bit
 * nonces, the probability would be 2^-33.
 *
 * <p>The fields of the head that a store needs to expire and evict an entry stay readable, and are authenticated:
 * times, cost, scope and model. Everything else is encrypted, including lengths. The checksum is that of the sealed
 * entry. The checksum of the open entry would let an attacker verify a guess of the answer.
 *
 * <p>Not thread-safe: each thread has its own instance.
 */
public final class EntrySeal {
    /** Value at {@link EntryHead#KIND} for a sealed entry. A sealed note keeps {@link EntryHead#NOTE} there. */
    public static final byte KIND = 7;

    /** Offset of {@link #started}. An open entry has lengths there, which the sealed one encrypts. */
    public static final int STARTED = 24;

    private static final int VERSION_AT = 5;
    private static final byte VERSION = 1;

    /**
     * The ranges of the head that are encrypted, as pairs of offset and length. The bytes after the head are
     * encrypted as well.
     */
    private static final int[] HIDDEN = {4, 4, 24, 12, 44, 4};

    private static final int HIDDEN_LENGTH = 20;
    private static final int CHECKSUM_LENGTH = 4;

    private static final int SALT_LENGTH = 32;
    private static final int TAG_LENGTH = 16;
    private static final int KEY_LENGTH = 32;
    private static final int SEALED_AT = EntryHead.LENGTH + SALT_LENGTH;

    /** Difference in length between a sealed entry and the open one, in bytes. */
    public static final int OVERHEAD = SALT_LENGTH + HIDDEN_LENGTH + TAG_LENGTH;

    private static final int MIN_LENGTH = EntryHead.LENGTH + OVERHEAD;

    private static final byte[] LABEL = "refrain sealed entry 1".getBytes(StandardCharsets.US_ASCII);

    /** 96 bits, the length for which GCM needs no hash of the nonce. Constant, since no key is used twice. */
    private static final GCMParameterSpec NONCE = new GCMParameterSpec(TAG_LENGTH * 8, new byte[12]);

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Hkdf hkdf = new Hkdf();
    private final Cipher aes;
    private final CRC32C crc = new CRC32C();
    private final byte[] salt = new byte[SALT_LENGTH];
    private final byte[] hidden = new byte[HIDDEN_LENGTH];

    /** A new instance. */
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
     * @param scope key of the scope of the caller for whom the entry is stored
     * @param key key of the entry, {@link dev.refrain.engine.spi.CacheStore#KEY_LENGTH} bytes
     * @param open an intact entry; only read
     * @param started when its fetch began, in microseconds of the shared tier's clock; 0 without such a tier
     * @param into receives the sealed entry; must be another buffer
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
     * @param scope key of the caller's scope
     * @param key key under which the entry was found
     * @param sealed any bytes at all; only read
     * @param into receives the open entry with its checksum; must be another buffer. Undefined if the result is false
     * @return whether the entry was sealed for this scope and this key, and has not been changed since
     */
    public boolean open(ScopeKey scope, byte[] key, EntryBuffer sealed, EntryBuffer into) {
        if (!EntryChecksum.matches(key, sealed.bytes(), sealed.length(), crc)
                || !openKeepingChecksum(scope, key, sealed, into)) {
            return false;
        }
        EntryChecksum.write(key, into.bytes(), into.length(), crc);
        return true;
    }

    /** Whether bytes claim to be a sealed entry or a sealed note. */
    public static boolean isSealed(EntryBuffer entry) {
        byte[] head = entry.bytes();
        return entry.length() >= MIN_LENGTH
                && (head[EntryHead.KIND] == KIND || head[EntryHead.KIND] == EntryHead.NOTE)
                && head[VERSION_AT] == VERSION;
    }

    /**
     * Like {@link #open}, but without checksums: it does not verify the sealed entry's, since the cipher detects every
     * change, and it leaves that checksum in the opened entry.
     */
    public boolean openKeepingChecksum(ScopeKey scope, byte[] key, EntryBuffer sealed, EntryBuffer into) {
        byte[] from = sealed.bytes();
        if (!isSealed(sealed)) {
            return false;
        }
        System.arraycopy(from, EntryHead.LENGTH, salt, 0, SALT_LENGTH);
        int length = sealed.length() - OVERHEAD;
        // The plain text begins with the hidden part of the head. So that part is first written to the end of the head,
        // directly before the body, and moved to its offsets below.
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

    /**
     * The time that {@link #seal} was given for the beginning of the fetch. Can be trusted only after {@link #open}.
     */
    public static long started(byte[] sealed) {
        return (long) LONG.get(sealed, STARTED);
    }

    private void begin(int mode, ScopeKey scope, byte[] key, byte[] sealed) throws GeneralSecurityException {
        byte[] once = hkdf.expand(scope.bytes(), KEY_LENGTH, LABEL, key, salt);
        aes.init(mode, new SecretKeySpec(once, "AES"), NONCE);
        Arrays.fill(once, (byte) 0);
        aes.updateAAD(sealed, CHECKSUM_LENGTH, EntryHead.LENGTH - CHECKSUM_LENGTH);
    }

    /** Gathers the hidden ranges of a head, or copies them back to their offsets. */
    private static void copyHidden(byte[] from, byte[] to, boolean together) {
        int at = 0;
        for (int i = 0; i < HIDDEN.length; i += 2) {
            System.arraycopy(from, together ? HIDDEN[i] : at, to, together ? at : HIDDEN[i], HIDDEN[i + 1]);
            at += HIDDEN[i + 1];
        }
    }
}
