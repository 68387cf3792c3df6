package dev.refrain.engine.internal.store;

/** Tells values of a store apart by their heads. Stateless. */
public final class StoredValues {
    private StoredValues() {}

    /** Whether a value is an entry, or stands for a long one: neither a part of one nor a note. */
    public static boolean isEntry(byte[] head) {
        return Kind.isEntry(head[Kind.OFFSET]);
    }
}
