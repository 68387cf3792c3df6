package dev.refrain.engine;

import dev.refrain.engine.spi.EntryBuffer;
import java.nio.charset.StandardCharsets;

/** What stands behind a shared entry, within what is sealed: the provider's id of the answer, and its length. */
final class SharedTrailer {
    private static final int LENGTH_BYTES = 2;
    private static final int MAX_ID = 0xFFFF;

    private SharedTrailer() {}

    /**
     * Appends the id.
     *
     * @param providerId null if the answer has none; one that is too long is none
     */
    static void append(EntryBuffer entry, String providerId) {
        byte[] id = providerId == null ? new byte[0] : providerId.getBytes(StandardCharsets.UTF_8);
        int length = id.length <= MAX_ID ? id.length : 0;
        int at = entry.length();
        byte[] bytes = entry.resize(at + length + LENGTH_BYTES);
        System.arraycopy(id, 0, bytes, at, length);
        bytes[at + length] = (byte) length;
        bytes[at + length + 1] = (byte) (length >>> 8);
    }

    /** Cuts the id off. Returns it, empty if there is none; null if the entry cannot be. */
    static String cut(EntryBuffer entry) {
        byte[] bytes = entry.bytes();
        int end = entry.length() - LENGTH_BYTES;
        if (end < 0) {
            return null;
        }
        int length = (bytes[end] & 0xFF) | (bytes[end + 1] & 0xFF) << 8;
        if (length > end) {
            return null;
        }
        String id = new String(bytes, end - length, length, StandardCharsets.UTF_8);
        entry.resize(end - length);
        return id;
    }
}
