package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;

/**
 * Stores entries too long for one value. Such an entry is cut into parts. Each part is a value under a derived key, and
 * a manifest is stored under the entry's key. The manifest is written last and has a nonce from which the parts' keys
 * are derived, so a reader finds all parts of one entry or none. Parts carry the entry's times and
 * {@link EvictionFacts}, which is all that expiry and eviction need. So the parts of an entry expire and are evicted
 * together, and parts without a manifest are removed like any other value.
 *
 * <p>Manifests and parts are little-endian, and begin with an {@link EntryHead} that has the mark of
 * their {@link Kind}:
 * <pre>
 * manifest: 48 length of the entry, int | 52 payload of a part, int | 56 nonce, 16 bytes
 * part:     48 payload
 * </pre>
 * The key of a part is SHA-256("refrain part" | key | nonce | index, int). The times in the manifest's head
 * are the entry's.
 */
final class LargeEntries {
    static final int PART_PAYLOAD = Layout.MAX_VALUE_LENGTH - EntryHead.LENGTH;

    private static final int TOTAL = EntryHead.LENGTH;
    private static final int PAYLOAD = TOTAL + 4;
    private static final int NONCE = PAYLOAD + 4;
    private static final int NONCE_LENGTH = 16;
    private static final int MANIFEST_LENGTH = NONCE + NONCE_LENGTH;

    private static final byte[] TAG = "refrain part".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    private static final int TAGGED_KEY = TAG.length;
    private static final int TAGGED_NONCE = TAGGED_KEY + CacheStore.KEY_LENGTH;
    private static final int TAGGED_INDEX = TAGGED_NONCE + NONCE_LENGTH;

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final SegmentMap map;
    private final long maxLength;

    /** @param maxLength the longest entry that is stored, in bytes; see {@link Layout#maxEntryLength} */
    LargeEntries(SegmentMap map, long maxLength) {
        this.map = map;
        this.maxLength = maxLength;
    }

    /** One thread's working memory. */
    static final class Scratch {
        private final byte[] partKey = new byte[CacheStore.KEY_LENGTH];
        private final byte[] derivation = Arrays.copyOf(TAG, TAGGED_INDEX + 4);
        private final MessageDigest sha256 = sha256();
        private final EntryBuffer manifest = new EntryBuffer(MANIFEST_LENGTH);
        private final EntryBuffer part = new EntryBuffer(EntryHead.LENGTH);
        private final EntryBuffer displaced = new EntryBuffer(MANIFEST_LENGTH);

        private static MessageDigest sha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (NoSuchAlgorithmException e) {
                throw new AssertionError("Every JDK has SHA-256", e);
            }
        }
    }

    /**
     * Stores an entry in parts.
     *
     * @param replaces decides by the older entry's head whether it is replaced; null to replace it always
     * @return false if there was no room, or if the older entry stays; no part of the new entry is left then
     */
    boolean put(
            byte[] key,
            EntryBuffer entry,
            Predicate<byte[]> replaces,
            EntryBuffer displaced,
            Scratch scratch,
            long nowMillis) {
        displaced.resize(0);
        if (entry.length() > maxLength) {
            removeOlder(key, replaces, displaced);
            return false;
        }
        EntryBuffer manifest = manifest(key, entry, scratch);
        int parts = parts(manifest);
        for (int i = 0; i < parts; i++) {
            EntryBuffer part = part(key, entry, i, scratch);
            if (!map.put(partKey(key, manifest, i, scratch), part, null, scratch.displaced, nowMillis)) {
                removeParts(key, manifest, i, scratch);
                removeOlder(key, replaces, displaced);
                return false;
            }
        }
        if (!map.put(key, manifest, replaces, displaced, nowMillis)) {
            removeParts(key, manifest, parts, scratch);
            return false;
        }
        return true;
    }

    /** Removes the older entry, unless a condition was given, under which it may stay. */
    private void removeOlder(byte[] key, Predicate<byte[]> replaces, EntryBuffer displaced) {
        if (replaces == null) {
            map.remove(key, displaced);
        }
    }

    /**
     * Replaces a manifest in the buffer by the whole entry. If a part is missing, removes the other parts and the
     * manifest, and returns false.
     *
     * @param countsAsHit whether the read counts as a use of the entry
     */
    boolean gather(byte[] key, EntryBuffer into, Scratch scratch, boolean countsAsHit) {
        EntryBuffer manifest = scratch.manifest;
        System.arraycopy(into.bytes(), 0, manifest.resize(into.length()), 0, into.length());
        if (!isSound(manifest, maxLength)) {
            map.removeIfEqual(key, manifest);
            return false;
        }
        int total = total(manifest);
        int payload = payload(manifest);
        int parts = parts(manifest);
        for (int i = 0; i < parts; i++) {
            EntryBuffer part = scratch.part;
            int at = i * payload;
            int expected = Math.min(payload, total - at);
            if (!map.get(partKey(key, manifest, i, scratch), part)
                    || part.bytes()[Kind.OFFSET] != Kind.PART
                    || part.length() != EntryHead.LENGTH + expected) {
                map.removeIfEqual(key, manifest);
                removeParts(key, manifest, parts, scratch);
                return false;
            }
            // The buffer grows with the parts that are found, and not at once to the length that the manifest claims.
            System.arraycopy(part.bytes(), EntryHead.LENGTH, into.resize(at + expected), at, expected);
        }
        if (countsAsHit) {
            map.countHit(key, manifest);
        }
        return true;
    }

    /** Removes the parts of a manifest that was removed from the map. */
    void removeParts(byte[] key, EntryBuffer manifest, Scratch scratch) {
        if (isSound(manifest, maxLength)) {
            removeParts(key, manifest, parts(manifest), scratch);
        }
    }

    private void removeParts(byte[] key, EntryBuffer manifest, int count, Scratch scratch) {
        for (int i = 0; i < count; i++) {
            map.remove(partKey(key, manifest, i, scratch), scratch.displaced);
        }
    }

    private static EntryBuffer manifest(byte[] key, EntryBuffer entry, Scratch scratch) {
        EntryBuffer manifest = scratch.manifest;
        byte[] bytes = manifest.resize(MANIFEST_LENGTH);
        System.arraycopy(entry.bytes(), 0, bytes, 0, EntryHead.LENGTH);
        bytes[Kind.OFFSET] = Kind.MANIFEST;
        EvictionFacts.mark(bytes, key, entry.length());
        INT.set(bytes, TOTAL, entry.length());
        INT.set(bytes, PAYLOAD, PART_PAYLOAD);
        // The nonce must be unique but need not be secret: to derive a part's key, an attacker would also need
        // the entry's key.
        ThreadLocalRandom random = ThreadLocalRandom.current();
        LONG.set(bytes, NONCE, random.nextLong());
        LONG.set(bytes, NONCE + 8, random.nextLong());
        return manifest;
    }

    private static EntryBuffer part(byte[] key, EntryBuffer entry, int index, Scratch scratch) {
        int at = index * PART_PAYLOAD;
        int length = Math.min(PART_PAYLOAD, entry.length() - at);
        byte[] bytes = scratch.part.resize(EntryHead.LENGTH + length);
        System.arraycopy(entry.bytes(), 0, bytes, 0, EntryHead.LENGTH);
        bytes[Kind.OFFSET] = Kind.PART;
        EvictionFacts.mark(bytes, key, entry.length());
        System.arraycopy(entry.bytes(), at, bytes, EntryHead.LENGTH, length);
        return scratch.part;
    }

    static byte[] partKey(byte[] key, EntryBuffer manifest, int index, Scratch scratch) {
        byte[] derivation = scratch.derivation;
        System.arraycopy(key, 0, derivation, TAGGED_KEY, CacheStore.KEY_LENGTH);
        System.arraycopy(manifest.bytes(), NONCE, derivation, TAGGED_NONCE, NONCE_LENGTH);
        INT.set(derivation, TAGGED_INDEX, index);
        try {
            scratch.sha256.update(derivation);
            scratch.sha256.digest(scratch.partKey, 0, CacheStore.KEY_LENGTH);
        } catch (DigestException e) {
            throw new AssertionError("The key is as long as the digest", e);
        }
        return scratch.partKey;
    }

    /** Whether the numbers in a manifest are possible. They come from a file. */
    static boolean isSound(EntryBuffer manifest, long maxLength) {
        return manifest.length() == MANIFEST_LENGTH
                && total(manifest) >= EntryHead.LENGTH
                && total(manifest) <= maxLength
                && payload(manifest) > 0
                && payload(manifest) <= PART_PAYLOAD;
    }

    static int total(EntryBuffer manifest) {
        return (int) INT.get(manifest.bytes(), TOTAL);
    }

    static int payload(EntryBuffer manifest) {
        return (int) INT.get(manifest.bytes(), PAYLOAD);
    }

    static int parts(EntryBuffer manifest) {
        return (total(manifest) - 1) / payload(manifest) + 1;
    }
}
