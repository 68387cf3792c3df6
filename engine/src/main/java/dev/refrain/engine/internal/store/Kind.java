package dev.refrain.engine.internal.store;

/**
 * What a value in the map is, told by the byte at which the engine keeps its format version. The engine's versions count up from 1
 * and never reach these marks; a value that carries one all the same is stored as a large entry, where its bytes stand within parts.
 */
final class Kind {
    /** Offset of the byte within a value. */
    static final int OFFSET = 4;
    /** A piece of a large entry, under a derived key. */
    static final byte PART = (byte) 0xFE;
    /** Stands under the key of a large entry and says where its parts are. */
    static final byte MANIFEST = (byte) 0xFF;

    private Kind() {}

    static boolean isMark(byte kind) {
        return kind == PART || kind == MANIFEST;
    }
}
