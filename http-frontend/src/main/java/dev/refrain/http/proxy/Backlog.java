package dev.refrain.http.proxy;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;

/** What a client has been sent and has not taken yet, in order. The I/O thread's alone. */
final class Backlog {
    private final ArrayDeque<ByteBuffer> pieces = new ArrayDeque<>(2);
    private final HeapShare heap;

    /** @param heap what all backlogs together may hold */
    Backlog(HeapShare heap) {
        this.heap = heap;
    }

    boolean isEmpty() {
        return pieces.isEmpty();
    }

    /** The piece to write next; moved in place. */
    ByteBuffer first() {
        return pieces.peek();
    }

    /**
     * Adds a piece that there is room for.
     *
     * @param owned whether it need not be copied
     * @return false if there is none
     */
    boolean add(ByteBuffer piece, boolean owned) {
        if (!heap.take(piece.remaining())) {
            return false;
        }
        pieces.add(owned ? piece.slice() : copy(piece));
        return true;
    }

    void removeFirst() {
        // A slice or a copy is as long as what was taken for it.
        heap.give(pieces.remove().capacity());
    }

    void clear() {
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
