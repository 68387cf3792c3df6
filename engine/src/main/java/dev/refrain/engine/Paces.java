package dev.refrain.engine;

import dev.refrain.engine.exchange.Pace;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;

/**
 * Keeps the paces of streams (wire rule W87), each as a note beside the stream's entry. A hit reads the note only if
 * its client asks for the pace. The note lives as long as the entry. A later answer to the same request usually
 * replaces the note, or has another number of events, so that the note is not used for it. Thread-safe.
 */
final class Paces {
    private static final byte[] LABEL = "refrain pace".getBytes(StandardCharsets.US_ASCII);
    private static final int USUAL_LENGTH = 1024;
    /** A note has to fit into one value of the store, so the pace of a stream with more events is not kept. */
    static final int MOST_EVENTS = 32_000;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final Notes notes;
    private final boolean isRecorded;

    /** @param isRecorded whether new paces are stored */
    Paces(Notes notes, boolean isRecorded) {
        this.notes = notes;
        this.isRecorded = isRecorded;
    }

    boolean isRecorded() {
        return isRecorded;
    }

    /**
     * Stores the pace of a stream.
     *
     * @param gaps one byte for each event, see {@link Pace#gap}
     * @param of the facts of the stream's entry
     * @param tokens what the stream cost; 0 if not known
     */
    void put(CacheKey key, byte[] gaps, EntryCodec.Facts of, long tokens) {
        if (gaps.length > MOST_EVENTS) {
            return;
        }
        EntryBuffer note = new EntryBuffer(EntryHead.LENGTH + gaps.length);
        byte[] bytes = note.resize(EntryHead.LENGTH + gaps.length);
        Arrays.fill(bytes, 0, EntryHead.LENGTH, (byte) 0);
        LONG.set(bytes, EntryHead.STORED_AT, of.storedAtMillis());
        LONG.set(bytes, EntryHead.EXPIRES_AT, of.expiresAtMillis());
        INT.set(bytes, EntryHead.TOKENS, (int) Math.min(Integer.MAX_VALUE, Math.max(0, tokens)));
        INT.set(bytes, EntryHead.FETCH_MILLIS, (int) Math.min(Integer.MAX_VALUE, Math.max(0, of.fetchMillis())));
        LONG.set(bytes, EntryHead.SCOPE, key.scopeTag());
        LONG.set(bytes, EntryHead.MODEL, EntryHead.label(key.modelTag(), Namespaces.tag(key.namespace())));
        System.arraycopy(gaps, 0, bytes, EntryHead.LENGTH, gaps.length);
        notes.put(key.knownScope(), digest(key), note);
    }

    /** The pace that was stored for a key; null if there is none. */
    Pace get(CacheKey key) {
        EntryBuffer note = notes.get(key.knownScope(), digest(key), USUAL_LENGTH, CacheControls.MAX_TTL.toMillis());
        return note == null ? null : new Pace(Arrays.copyOfRange(note.bytes(), EntryHead.LENGTH, note.length()));
    }

    private static byte[] digest(CacheKey key) {
        byte[] digest = new byte[CacheKey.LENGTH];
        key.copyTo(digest, 0);
        return noteKey(digest);
    }

    /** The key under which the pace of an entry is stored. */
    static byte[] noteKey(byte[] key) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            sha256.update(LABEL);
            return sha256.digest(key);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
