package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryHead;

/**
 * The kind of a value in the map: the byte in which an entry has its format version. Versions count up from 1 and never
 * reach these marks. An entry that has one of these marks by mistake is stored as a large entry, whose parts have heads
 * of their own.
 */
final class Kind {
    /** Offset of the byte within a value. */
    static final int OFFSET = EntryHead.KIND;
    /** A part of a large entry, stored under a derived key. */
    static final byte PART = (byte) 0xFE;
    /** The manifest of a large entry, stored under the entry's key. It leads to the parts. */
    static final byte MANIFEST = (byte) 0xFF;

    private Kind() {}

    /** Whether a value counts as an entry: it is a whole entry or a manifest. */
    static boolean isEntry(byte kind) {
        return kind != PART && kind != EntryHead.NOTE;
    }

    static boolean isMark(byte kind) {
        return kind == PART || kind == MANIFEST;
    }
}
