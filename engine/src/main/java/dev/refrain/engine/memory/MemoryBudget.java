package dev.refrain.engine.memory;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * The part of the heap that may be held because of what others send: answers that are captured or handed round, large
 * answers that are replayed, and, in a front-end that shares it, request bodies and what clients have not taken yet.
 *
 * <p>Everybody reserves before growing and releases what was reserved, once. Past the budget nothing is stored, and
 * nothing else breaks: an answer is passed on, and a front-end lets a request wait or refuses it. What can best be done
 * without is refused first: {@link Use} has the order. docs/CONCURRENCY.md, "Bounds", lists all who reserve.
 *
 * <p>Thread-safe and lock-free: a reservation is one atomic addition.
 */
public final class MemoryBudget {
    /** The largest reservation that is not {@link Use#LARGE}, in bytes. */
    public static final int SMALL = 64 * 1024;

    /** Heap that the program itself needs, in bytes. */
    private static final long OWN_BYTES = 16L << 20;

    private static final long LEAST_BYTES = 4L << 20;

    /** What bytes are for: each may be reserved while less than its share of the budget is used by all together. */
    public enum Use {
        /** An answer that is replayed slowly, because its client asks for that: for hours, if it likes. */
        PACED(2),
        /** Held only to be stored: nobody misses it. */
        STORING(8),
        /** More than {@link #SMALL}. */
        LARGE(10),
        /** A call for a client that is not known to take what it asks for. */
        CALL(10),
        /** A call for a client that has taken an answer before. */
        KNOWN_CALL(12),
        /** A request that waits for room for its call. */
        WAITING(13),
        /** A piece of a long answer that is under way. */
        LONG_ANSWER(14),
        /** A short request. */
        SHORT(15),
        /** What is under way and short. */
        UNDER_WAY(16);

        private final int sixteenths;

        Use(int sixteenths) {
            this.sixteenths = sixteenths;
        }

        long of(long bytes) {
            // Divided first, since a budget may be as large as a long.
            return bytes / 16 * sixteenths + bytes % 16 * sixteenths / 16;
        }
    }

    private final long limit;
    private final AtomicLong used = new AtomicLong();
    private final LongAdder refusals = new LongAdder();

    /**
     * A budget of so many bytes.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    public MemoryBudget(long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("a memory budget must be positive, was " + bytes);
        }
        this.limit = bytes;
    }

    /** Half of what the largest heap of this JVM has beyond 16 MiB, and 4 MiB at least. */
    public static MemoryBudget ofHeap() {
        return new MemoryBudget(share(Runtime.getRuntime().maxMemory()));
    }

    /** What {@link #ofHeap} takes of a heap that may grow to so many bytes, in bytes. */
    public static long share(long heapBytes) {
        return Math.max(LEAST_BYTES, (heapBytes - OWN_BYTES) / 2);
    }

    /**
     * Reserves bytes, or nothing, for something that is under way: {@link Use#LARGE} if they are more than {@link
     * #SMALL}.
     */
    public boolean reserve(long bytes) {
        return reserve(bytes, bytes <= SMALL ? Use.UNDER_WAY : Use.LARGE);
    }

    /**
     * Reserves bytes, or nothing.
     *
     * @param bytes not negative
     * @return whether they are reserved; if so they have to be {@linkplain #release released}
     */
    public boolean reserve(long bytes, Use use) {
        // A request for 0 bytes succeeds even if the budget is used up.
        if (used.addAndGet(bytes) <= use.of(limit) || bytes == 0) {
            return true;
        }
        used.addAndGet(-bytes);
        refusals.increment();
        return false;
    }

    /** Whether so much could be reserved at this moment. */
    public boolean hasRoom(long bytes, Use use) {
        return used.get() + bytes <= use.of(limit);
    }

    /** Gives back bytes that were reserved. */
    public void release(long bytes) {
        used.addAndGet(-bytes);
    }

    /** An empty reservation, for something new that grows. */
    public Reservation open() {
        return new Reservation(this, Use.SHORT, Use.LARGE);
    }

    /** An empty reservation for what is held only to be stored: it is refused first. */
    public Reservation openForStoring() {
        return new Reservation(this, Use.STORING, Use.STORING);
    }

    /** An empty reservation for an answer that is replayed slowly. */
    public Reservation openForPace() {
        return new Reservation(this, Use.PACED, Use.PACED);
    }

    /** Bytes that are reserved now. */
    public long usedBytes() {
        return used.get();
    }

    /** Bytes that can be reserved in all. */
    public long limitBytes() {
        return limit;
    }

    /**
     * Whether so much is reserved that those who hold without need should let
     * go: nine sixteenths, just before calls have to wait.
     */
    public boolean isTight() {
        return used.get() > limit / 16 * 9;
    }

    /** Reservations that were refused so far. */
    public long refusals() {
        return refusals.sum();
    }

    /** The part of a budget that one object holds, which may grow and shrink. Thread-safe. */
    public static final class Reservation implements AutoCloseable {
        private final MemoryBudget budget;
        private final Use small;
        private final Use large;
        // Guarded by this.
        private long bytes;
        private boolean closed;

        private Reservation(MemoryBudget budget, Use small, Use large) {
            this.budget = budget;
            this.small = small;
            this.large = large;
        }

        /**
         * Reserves more.
         *
         * @return whether that is reserved now; nothing is once this has been closed
         */
        public synchronized boolean grow(long more) {
            if (closed || !budget.reserve(more, bytes + more <= SMALL ? small : large)) {
                return false;
            }
            bytes += more;
            return true;
        }

        /** Reserves more, or throws {@link Exhausted}. */
        public void require(long more) {
            if (!grow(more)) {
                throw new Exhausted();
            }
        }

        /** Gives some of it back, at most what there is. */
        public synchronized void shrink(long less) {
            long given = Math.min(bytes, less);
            bytes -= given;
            budget.release(given);
        }

        /**
         * Reserves or gives back until it is so many bytes. Returns false, with nothing changed, if there is no room.
         */
        public synchronized boolean resize(long to) {
            if (to > bytes) {
                return grow(to - bytes);
            }
            shrink(bytes - to);
            return true;
        }

        /** Bytes that it holds. */
        public synchronized long bytes() {
            return bytes;
        }

        /** Whether nothing is reserved any more, whatever room there is. */
        public synchronized boolean isClosed() {
            return closed;
        }

        /** Gives everything back, for good. Idempotent. */
        @Override
        public synchronized void close() {
            closed = true;
            shrink(bytes);
        }
    }

    /** There is no room in the budget. Without a stack trace, as it is no fault and may come often. */
    public static final class Exhausted extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** Has a message that says what to do. */
        public Exhausted() {
            super("the memory budget is used up; give the JVM a larger heap", null, false, false);
        }
    }
}
