package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** The pieces of an answer that the client has not taken yet, in order. Used on the I/O thread only. */
public final class Backlog {
    private final ArrayDeque<ByteBuffer> pieces = new ArrayDeque<>(2);
    private final MemoryBudget memory;

    /** @param memory budget for the pieces */
    public Backlog(MemoryBudget memory) {
        this.memory = memory;
    }

    boolean isEmpty() {
        return pieces.isEmpty();
    }

    /** The piece to write next. The writer advances its position. */
    public ByteBuffer first() {
        return pieces.peek();
    }

    /**
     * Adds a piece if the budget has room for it.
     *
     * @param owned whether the piece need not be copied
     * @return false if there is no room
     */
    public boolean add(ByteBuffer piece, boolean owned) {
        if (!memory.reserve(piece.remaining())) {
            return false;
        }
        addReserved(owned ? piece.slice() : copy(piece));
        return true;
    }

    /**
     * Adds a piece without a copy. The caller has reserved memory for the buffer's whole capacity, including bytes
     * before its position.
     */
    public void addReserved(ByteBuffer piece) {
        pieces.add(piece);
    }

    void removeFirst() {
        // A piece's capacity is the amount reserved for it.
        memory.release(pieces.remove().capacity());
    }

    public void clear() {
        while (!pieces.isEmpty()) {
            removeFirst();
        }
    }

    static ByteBuffer copy(ByteBuffer bytes) {
        ByteBuffer copy = ByteBuffer.allocate(bytes.remaining());
        copy.put(bytes);
        return copy.flip();
    }
}
