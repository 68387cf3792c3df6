package dev.refrain.http.server;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** The pieces of an answer that the client has not taken yet, in order. Used on the I/O thread only. */
public final class Backlog {
    private final ArrayDeque<ByteBuffer> pieces = new ArrayDeque<>(2);
    private final MemoryBudget memory;

    /** @param memory where its memory is reserved */
    public Backlog(MemoryBudget memory) {
        this.memory = memory;
    }

    boolean isEmpty() {
        return pieces.isEmpty();
    }

    /** The piece to write next; moved in place. */
    public ByteBuffer first() {
        return pieces.peek();
    }

    /**
     * Adds a piece that there is room for.
     *
     * @param owned whether it need not be copied
     * @return false if there is none
     */
    public boolean add(ByteBuffer piece, boolean owned) {
        if (!memory.reserve(piece.remaining())) {
            return false;
        }
        addReserved(owned ? piece.slice() : copy(piece));
        return true;
    }

    /**
     * Adds a piece that need not be copied, and for all of which, what lies
     * before its position included, room is reserved.
     */
    public void addReserved(ByteBuffer piece) {
        pieces.add(piece);
    }

    void removeFirst() {
        // Its capacity is what was reserved for it.
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
