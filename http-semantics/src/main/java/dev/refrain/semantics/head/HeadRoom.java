package dev.refrain.semantics.head;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.memory.MemoryBudget.Use;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Reserves memory for the heads of requests, from their first byte until the request is over. Incomplete heads have a
 * small share of the budget. When that share is full, the oldest incomplete head is dropped for a new one: a healthy
 * client sends its head within a moment.
 *
 * <p>Each I/O thread has an instance of its own; all instances use one common share of the budget.
 */
public final class HeadRoom {
    /** Bytes of the objects that each request needs, such as its exchange and its account. */
    static final int REQUEST_BYTES = 4 * 1024;
    /**
     * Heap for each byte of a head: the head as received, the strings of its fields, and the objects around these.
     * Measured with fields of 80 bytes.
     */
    static final int HEAD_FACTOR = 4;

    private final MemoryBudget memory;
    private final MemoryBudget share;
    private final BooleanSupplier displace;
    private final Set<Held> partial = new LinkedHashSet<>();

    /**
     * Creates the account of one I/O thread's connections.
     *
     * @param memory budget for all heads
     * @param share budget for incomplete heads, see {@link #share}
     * @param displace makes room for a newer request at the cost of an older one; returns whether there will be room
     */
    public HeadRoom(MemoryBudget memory, MemoryBudget share, BooleanSupplier displace) {
        this.memory = memory;
        this.share = share;
        this.displace = displace;
    }

    /** The budget for incomplete heads: an eighth of the whole. */
    public static MemoryBudget share(MemoryBudget memory) {
        return new MemoryBudget(Math.max(1, memory.limitBytes() / 8));
    }

    /**
     * Creates the reservation of a new connection.
     *
     * @param close closes the connection, which must call {@link Held#close}
     */
    public Held open(Runnable close) {
        return new Held(close);
    }

    private boolean closeOldest(Held except) {
        Iterator<Held> oldest = partial.iterator();
        while (oldest.hasNext()) {
            Held next = oldest.next();
            if (next != except) {
                oldest.remove();
                next.release();
                next.close.run();
                return true;
            }
        }
        return false;
    }

    /** Memory of one connection's current request. */
    public final class Held {
        private final Runnable close;
        private long bytes;
        private long shared;
        private boolean closed;

        private Held(Runnable close) {
            this.close = close;
        }

        /**
         * Reserves memory for more bytes of a head.
         *
         * @param whole whether the head is complete
         * @param known whether the client has taken an answer before, which gives it access to more of the budget
         * @return false if there is no room for the bytes
         */
        public boolean take(int count, boolean whole, boolean known) {
            if (closed) {
                return false;
            }
            long more = (bytes == 0 ? REQUEST_BYTES : 0) + (long) HEAD_FACTOR * count;
            if (!whole) {
                while (!share.reserve(more, Use.UNDER_WAY)) {
                    if (!closeOldest(this)) {
                        return false;
                    }
                }
                shared += more;
                partial.add(this);
            }
            if (!memory.reserve(more, known ? Use.SHORT : Use.WAITING)
                    && !(displace.getAsBoolean() && memory.reserve(more, Use.SHORT))) {
                whole();
                return false;
            }
            bytes += more;
            return true;
        }

        /** Notes that the head is complete. */
        public void whole() {
            partial.remove(this);
            share.release(shared);
            shared = 0;
        }

        /** Releases the memory of a request that is over. */
        public void release() {
            whole();
            memory.release(bytes);
            bytes = 0;
        }

        /** The connection has ended; nothing can be reserved any more. */
        public void close() {
            closed = true;
            release();
        }
    }
}
