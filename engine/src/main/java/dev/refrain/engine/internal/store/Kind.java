package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryHead;

/**
 * The kind of a value in the map. It is in the byte in which an entry has its format version. Versions count up from 1
 * and never reach these marks. An entry that has such a byte all the same is stored as a large entry, whose parts have
 * heads of their own.
 */
final class Kind {
    /** Offset of the byte within a value. */
    static final int OFFSET = EntryHead.KIND;
    /** A piece of a large entry, under a derived key. */
    static final byte PART = (byte) 0xFE;
    /** Stands under the key of a large entry and says where its parts are. */
    static final byte MANIFEST = (byte) 0xFF;

    private Kind() {}

    /** Whether a value is an entry, or stands for one, and so counts as one. */
    static boolean isEntry(byte kind) {
        return kind != PART && kind != EntryHead.NOTE;
    }

    static boolean isMark(byte kind) {
        return kind == PART || kind == MANIFEST;
    }
}
