package dev.refrain.semantics.client;

import dev.refrain.semantics.head.CredentialMac;
import java.util.Arrays;
import java.util.List;

/**
 * What is kept of a request's head, so that it is known when it comes again: a hash under a random key of this process,
 * and so no credential (wire rule W15). Used by one thread at a time.
 */
public final class HeadDigest {
    private static final int USUAL_BYTES = 1024;
    /** What one may keep between two heads. */
    private static final int MOST_KEPT = 16 * 1024;
    /** Of a character; see {@link #put}. */
    private static final int MOST_BYTES = 3;

    private static final int NULL = -1;

    private final CredentialMac mac = new CredentialMac();
    private byte[] bytes = new byte[USUAL_BYTES];
    private int length;

    HeadDigest() {}

    /** Holds what was added and has not been forgotten; for tests. */
    byte[] bytes() {
        return bytes;
    }

    /**
     * Adds a part of the head.
     *
     * @param text null counts as a part, too, and as another one than the empty text
     */
    public HeadDigest add(String text) {
        int characters = text == null ? 0 : text.length();
        ensureRoom(Integer.BYTES + (long) MOST_BYTES * characters);
        // Lengths first, so that no two heads are the same bytes.
        putInt(text == null ? NULL : characters);
        for (int i = 0; i < characters; i++) {
            put(text.charAt(i));
        }
        return this;
    }

    /**
     * Adds the lines of a field, or other parts that belong together, in their order.
     *
     * @param parts null counts, too
     */
    public HeadDigest addAll(List<String> parts) {
        int count = parts == null ? NULL : parts.size();
        ensureRoom(Integer.BYTES);
        putInt(count);
        for (int i = 0; i < count; i++) {
            add(parts.get(i));
        }
        return this;
    }

    private void ensureRoom(long more) {
        if (more > bytes.length - length) {
            byte[] larger = Arrays.copyOf(bytes, Math.toIntExact(Math.max(2L * bytes.length, length + more)));
            Arrays.fill(bytes, 0, length, (byte) 0);
            bytes = larger;
        }
    }

    private void putInt(int value) {
        for (int shift = 0; shift < Integer.SIZE; shift += Byte.SIZE) {
            bytes[length++] = (byte) (value >> shift);
        }
    }

    /** As in UTF-8, but for characters beyond Latin, which need not be read again. */
    private void put(char c) {
        if (c < 0x80) {
            bytes[length++] = (byte) c;
        } else {
            bytes[length++] = (byte) (0xE0 | (c >> 12));
            bytes[length++] = (byte) (0x80 | ((c >> 6) & 0x3F));
            bytes[length++] = (byte) (0x80 | (c & 0x3F));
        }
    }

    /** The digest of all that was added, valid until the next one. Forgets what was added. */
    byte[] end() {
        mac.begin();
        mac.add(bytes, 0, length);
        byte[] digest = mac.end();
        clear();
        return digest;
    }

    /** Forgets what was added. */
    void clear() {
        // Also what is dropped: it may have credentials, and lies on the heap until it is collected and written over.
        Arrays.fill(bytes, 0, length, (byte) 0);
        if (bytes.length > MOST_KEPT) {
            bytes = new byte[USUAL_BYTES];
        }
        length = 0;
    }
}
