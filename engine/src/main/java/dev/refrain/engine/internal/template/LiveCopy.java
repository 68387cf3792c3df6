package dev.refrain.engine.internal.template;

import dev.refrain.engine.memory.MemoryBudget;

/**
 * A live stream that is captured on another machine, put together from the pieces that
 * {@link LiveReader#readTemplate} has given there. Belongs to one thread at a time; its readers do not.
 */
public final class LiveCopy {
    private final LiveTemplate live;

    /** @param memory where the beginning is reserved; without room for it, it is not kept */
    public LiveCopy(MemoryBudget.Reservation memory) {
        live = new LiveTemplate(memory);
    }

    /** What has been put together so far. */
    public LiveTemplate live() {
        return live;
    }

    /**
     * Appends a piece, and shows it to readers.
     *
     * @param bytes holds the piece from {@code from} to {@code to}, and its patch table from {@code patchesFrom} to
     *     {@code patchesTo}
     * @throws IllegalArgumentException if the patch table cannot be the piece's
     * @throws MemoryBudget.Exhausted if there is no memory for it
     */
    public void append(byte[] bytes, int from, int to, int patchesFrom, int patchesTo) {
        try {
            live.reserve(to - from);
        } catch (MemoryBudget.Exhausted noRoom) {
            live.forgetBeginning();
        }
        live.append(bytes, from, to, bytes, patchesFrom, patchesTo);
        live.publish();
    }
}
