package dev.refrain.engine.internal.template;

import dev.refrain.engine.memory.MemoryBudget;

/**
 * A copy of a live stream that another machine captures. It is made from the pieces that
 * {@link LiveReader#readTemplate} returns there. Used by one thread at a time; its readers may be on others.
 */
public final class LiveCopy {
    private final LiveTemplate live;

    /** @param memory reserves the beginning of the stream; without room, the beginning is dropped */
    public LiveCopy(MemoryBudget.Reservation memory) {
        live = new LiveTemplate(memory);
    }

    /** The stream as far as it has come. */
    public LiveTemplate live() {
        return live;
    }

    /**
     * Appends a piece, and publishes it to readers.
     *
     * @param bytes holds the piece from {@code from} to {@code to}, and its patch table from {@code patchesFrom}
     *     to {@code patchesTo}
     * @throws IllegalArgumentException if the patch table does not fit the piece
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
