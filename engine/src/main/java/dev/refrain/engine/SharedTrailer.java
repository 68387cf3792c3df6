package dev.refrain.engine;

import dev.refrain.engine.spi.EntryBuffer;
import java.nio.charset.StandardCharsets;

/** The trailer of a shared entry, inside the seal: the provider's id of the answer, and the length of the id. */
final class SharedTrailer {
    private static final int LENGTH_BYTES = 2;
    private static final int MAX_ID = 0xFFFF;

    private SharedTrailer() {}

    /**
     * Appends the id.
     *
     * @param providerId null if the answer has none; an id that is too long is left out
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

    /** Cuts the trailer off. Returns the id, empty if there is none; null if the trailer is malformed. */
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
