package dev.refrain.engine.internal.store;

/** Tells values of a store apart by their heads. Stateless. */
public final class StoredValues {
    private StoredValues() {}

    /**
     * Whether a value counts as an entry: it is a whole entry or the manifest of a large one, and not a part or a note.
     */
    public static boolean isEntry(byte[] head) {
        return Kind.isEntry(head[Kind.OFFSET]);
    }
}
