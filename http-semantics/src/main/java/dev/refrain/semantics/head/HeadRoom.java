package dev.refrain.semantics.head;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.memory.MemoryBudget.Use;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Reserves memory for the heads of requests, from their first byte until the request is over. Incomplete heads have a
 * small share of the budget. When it is full, the oldest incomplete head is dropped for a new one: a healthy client
 * sends its head within a moment.
 *
 * <p>Each I/O thread has one and uses it alone; all share the one share of the budget.
 */
public final class HeadRoom {
    /** The exchange, its account and what else there is of each request. */
    static final int REQUEST_BYTES = 4 * 1024;
    /** The head as it came, the texts of its fields, and objects around these: measured with fields of 80 bytes. */
    static final int HEAD_FACTOR = 4;

    private final MemoryBudget memory;
    private final MemoryBudget share;
    private final BooleanSupplier displace;
    private final Set<Held> partial = new LinkedHashSet<>();

    /**
     * For the connections of one I/O thread.
     *
     * @param memory where all heads are reserved
     * @param share of the budget, for heads that are not whole
     * @param displace makes room in favour of a newer request; returns whether there will be some
     */
    public HeadRoom(MemoryBudget memory, MemoryBudget share, BooleanSupplier displace) {
        this.memory = memory;
        this.share = share;
        this.displace = displace;
    }

    /** The share of heads that are not whole: an eighth. */
    public static MemoryBudget share(MemoryBudget memory) {
        return new MemoryBudget(Math.max(1, memory.limitBytes() / 8));
    }

    /**
     * For a new connection.
     *
     * @param close closes the connection, which is to {@link Held#release}
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

    /** What one connection's request takes. */
    public final class Held {
        private final Runnable close;
        private long bytes;
        private long shared;
        private boolean closed;

        private Held(Runnable close) {
            this.close = close;
        }

        /**
         * Tells that more bytes of a head have come.
         *
         * @param whole whether nothing is missing of it
         * @param known whether the client has taken an answer before, and so has room that others have not
         * @return false if there is no room for them
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

        /** Tells that the head is complete. */
        public void whole() {
            partial.remove(this);
            share.release(shared);
            shared = 0;
        }

        /** The request is over. */
        public void release() {
            whole();
            memory.release(bytes);
            bytes = 0;
        }

        /** There are no more requests. */
        public void close() {
            closed = true;
            release();
        }
    }
}
