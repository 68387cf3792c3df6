package dev.refrain.engine.memory;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * The budget for heap that clients and providers make the cache hold: answers that are captured or shared by followers,
 * and large answers that are replayed. In a front-end that shares the budget, also request bodies and output that
 * clients have not taken yet.
 *
 * <p>Code reserves bytes before it allocates them, and releases them once. When the budget is used up, answers are
 * passed on but not stored, and a front-end lets requests wait or refuses them. The least important uses are refused
 * first, in the order of {@link Use}. docs/CONCURRENCY.md, "Bounds", lists all code that reserves.
 *
 * <p>Thread-safe and lock-free: a reservation is one atomic addition.
 */
public final class MemoryBudget {
    /** The largest reservation that is not {@link Use#LARGE}, in bytes. */
    public static final int SMALL = 64 * 1024;

    /** Heap that the program itself needs, in bytes. It is not part of the budget. */
    private static final long OWN_BYTES = 16L << 20;

    private static final long LEAST_BYTES = 4L << 20;

    /**
     * What bytes are reserved for. Each use has a share of the budget, in sixteenths. A reservation is refused if all
     * uses together would exceed the share of its use.
     */
    public enum Use {
        /** An answer that is replayed slowly at its client's request, perhaps for hours. */
        PACED(2),
        /** Bytes held only to be stored: without them an answer is not cached, and no client notices. */
        STORING(8),
        /** A reservation of more than {@link #SMALL}. */
        LARGE(10),
        /** A call for a client that has not taken an answer before. */
        CALL(10),
        /** A call for a client that has taken an answer before. */
        KNOWN_CALL(12),
        /** A request that waits for memory for its call. */
        WAITING(13),
        /** A piece of a long answer that is under way. */
        LONG_ANSWER(14),
        /** A short request. */
        SHORT(15),
        /** A short answer that is under way. */
        UNDER_WAY(16);

        private final int sixteenths;

        Use(int sixteenths) {
            this.sixteenths = sixteenths;
        }

        long of(long bytes) {
            // Division comes first, because the product may overflow.
            return bytes / 16 * sixteenths + bytes % 16 * sixteenths / 16;
        }
    }

    private final long limit;
    private final AtomicLong used = new AtomicLong();
    private final LongAdder refusals = new LongAdder();

    /**
     * A budget of the given number of bytes.
     *
     * @throws IllegalArgumentException if the number is not positive
     */
    public MemoryBudget(long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("a memory budget must be positive, was " + bytes);
        }
        this.limit = bytes;
    }

    /** Half of this JVM's maximum heap beyond 16 MiB, but at least 4 MiB. */
    public static MemoryBudget ofHeap() {
        return new MemoryBudget(share(Runtime.getRuntime().maxMemory()));
    }

    /** The budget that {@link #ofHeap} makes for a maximum heap of the given size, in bytes. */
    public static long share(long heapBytes) {
        return Math.max(LEAST_BYTES, (heapBytes - OWN_BYTES) / 2);
    }

    /**
     * Reserves all of the bytes or none, for a request or answer under way: as {@link Use#LARGE} if they are more than
     * {@link #SMALL}, else as {@link Use#UNDER_WAY}.
     */
    public boolean reserve(long bytes) {
        return reserve(bytes, bytes <= SMALL ? Use.UNDER_WAY : Use.LARGE);
    }

    /**
     * Reserves all of the bytes or none.
     *
     * @param bytes not negative
     * @return whether they are reserved; if so, the caller has to {@linkplain #release release} them
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

    /** Whether the bytes could be reserved at this moment. */
    public boolean hasRoom(long bytes, Use use) {
        return used.get() + bytes <= use.of(limit);
    }

    /** Releases reserved bytes. */
    public void release(long bytes) {
        used.addAndGet(-bytes);
    }

    /** An empty reservation, for a request or answer that grows. */
    public Reservation open() {
        return new Reservation(this, Use.SHORT, Use.LARGE);
    }

    /** An empty reservation for bytes held only to be stored, which is refused early. */
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
     * Whether more than nine sixteenths are reserved. Code that holds memory without need should then release it,
     * because calls have to wait from ten sixteenths on.
     */
    public boolean isTight() {
        return used.get() > limit / 16 * 9;
    }

    /** Number of reservations refused so far. */
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
         * @return whether the bytes are reserved; always false after {@link #close}
         */
        public synchronized boolean grow(long more) {
            if (closed || !budget.reserve(more, bytes + more <= SMALL ? small : large)) {
                return false;
            }
            bytes += more;
            return true;
        }

        /** Reserves more bytes, or throws {@link Exhausted}. */
        public void require(long more) {
            if (!grow(more)) {
                throw new Exhausted();
            }
        }

        /** Releases some of the bytes, at most all of them. */
        public synchronized void shrink(long less) {
            long given = Math.min(bytes, less);
            bytes -= given;
            budget.release(given);
        }

        /** Grows or shrinks to the given number of bytes. Returns false, and changes nothing, if there is no room. */
        public synchronized boolean resize(long to) {
            if (to > bytes) {
                return grow(to - bytes);
            }
            shrink(bytes - to);
            return true;
        }

        /** Bytes that this reservation holds. */
        public synchronized long bytes() {
            return bytes;
        }

        /** Whether {@link #close} was called, so that nothing more is reserved. */
        public synchronized boolean isClosed() {
            return closed;
        }

        /** Releases everything; later calls of {@link #grow} fail. Idempotent. */
        @Override
        public synchronized void close() {
            closed = true;
            shrink(bytes);
        }
    }

    /**
     * There is no room in the budget. The exception has no stack trace, because it is not a fault and may come often.
     */
    public static final class Exhausted extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** With a message that says what to do. */
        public Exhausted() {
            super("the memory budget is used up; give the JVM a larger heap", null, false, false);
        }
    }
}
