package dev.refrain.engine.spi;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The fixed head of every entry, with all that a store needs in order to expire and evict it. Little-endian;
 * docs/STORAGE-FORMAT.md describes the whole entry. Stateless.
 */
public final class EntryHead {
    /** Length of the head in bytes; no valid entry is shorter. */
    public static final int LENGTH = 64;
    /** Offset of the byte that has the version of the entry's format, or {@link #NOTE}. */
    public static final int KIND = 4;
    /** Kind of a note. A note is stored, expired and evicted like an entry, but is not counted or listed as one. */
    public static final byte NOTE = (byte) 0xFD;

    /** Offset of the time the entry was stored, milliseconds since the epoch, a long. */
    public static final int STORED_AT = 8;
    /** Offset of the time from which the entry must not be served, milliseconds since the epoch, a long. */
    public static final int EXPIRES_AT = 16;

    /** Offset of the tokens that a hit saves, 0 if not known, an int. */
    public static final int TOKENS = 36;
    /** Offset of the time that fetching the answer took, milliseconds, 0 if not known, an int. */
    public static final int FETCH_MILLIS = 40;

    /** Offset of the tag of the entry's scope, a long: entries of one API key share it. 0 if there is none. */
    public static final int SCOPE = 48;
    /** Offset of the tag of the entry's model and namespace, a long; see {@link #label}. 0 if there is none. */
    public static final int MODEL = 56;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private EntryHead() {}

    /** The time the entry was stored, milliseconds since the epoch. */
    public static long storedAt(byte[] entry) {
        return (long) LONG.get(entry, STORED_AT);
    }

    /** The time from which the entry must not be served, milliseconds since the epoch. */
    public static long expiresAt(byte[] entry) {
        return (long) LONG.get(entry, EXPIRES_AT);
    }

    /** The tokens that a hit saves, 0 if not known. */
    public static int tokens(byte[] entry) {
        return (int) INT.get(entry, TOKENS);
    }

    /** The tag of the entry's scope, or 0. */
    public static long scope(byte[] entry) {
        return (long) LONG.get(entry, SCOPE);
    }

    /** The tag at {@link #MODEL}, or 0. */
    public static long model(byte[] entry) {
        return (long) LONG.get(entry, MODEL);
    }

    /**
     * The tag for {@link #MODEL}. Its upper half stands for the model. Its lower half stands for the namespace, or for
     * the model if there is no namespace. So one field serves removal by model and by namespace. A collision, one in
     * 2^32, removes an entry by mistake, which costs a hit.
     *
     * @param model 64 bits that stand for the model; 0 for none
     * @param namespace 32 bits that stand for the namespace; 0 for none
     */
    public static long label(long model, int namespace) {
        return namespace == 0 ? model : (model & ~0xFFFF_FFFFL) | (namespace & 0xFFFF_FFFFL);
    }

    /** Whether a tag at {@link #MODEL} is one of a model. */
    public static boolean isOfModel(long label, long model) {
        return label >>> 32 == model >>> 32;
    }

    /** Whether a tag at {@link #MODEL} is one of a namespace. */
    public static boolean isOfNamespace(long label, int namespace) {
        return (int) label == namespace;
    }
}
