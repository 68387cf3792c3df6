package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;

/**
 * Decides which calls may begin while the memory budget has no room for all of them. The others wait for some seconds,
 * and hold no more than their request.
 *
 * <p>Two rules keep a flood from shutting out everybody else. First, a part of the budget is reserved for known
 * clients, which have taken an answer over the same connection before; clients that flood and never read are not among
 * them. Second, the newest waiting call goes first (adaptive LIFO; Maurer, "Fail at Scale", ACM Queue 13(8), 2015). In
 * a flood every order lets some calls wait too long, and the client of the newest is most likely still there. A call
 * that finds no room even to wait displaces the oldest.
 *
 * <p>Thread-safe. Its monitor is a leaf lock: no applicant is called while it is held.
 */
final class Admission {
    /**
     * Limit of the memory that a call holds, in bytes. The call has 32 KiB of its request that wait to be written, or
     * an incomplete TLS record and the 16 KiB that were read last. In addition it has a piece of 16 KiB that its client
     * has not taken.
     */
    static final int CALL_BYTES = 64 * 1024;

    /**
     * The part of {@link #CALL_BYTES} that may hold the answer's head, since the head comes before the body. A longer
     * head is reserved separately.
     */
    static final int HEAD_BYTES = 16 * 1024;

    /** Memory of a request that waits for its call, beside its head and body. */
    static final int WAITING_BYTES = 4 * 1024;

    /**
     * At least this many waits for slow clients are to be ended at a time, or all that may be ended if there are fewer.
     */
    private static final int LEAST_ENDED = 32;

    static final long LONGEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** A call that wants to begin. */
    interface Applicant {
        /**
         * The call may begin, and must call {@link Admission#leave} in the end. Called on one of the threads given to
         * the constructor.
         */
        void admitted();

        /** The call has waited in vain. Called on one of the threads given to the constructor. */
        void refused();
    }

    /** Result of {@link #enter}. */
    enum Entry {
        /** The call may begin at once, and must call {@link Admission#leave} in the end. */
        ADMITTED,
        /** The call waits. It is told the outcome, unless it {@linkplain Admission#withdraw withdraws}. */
        WAITS,
        /** There is no room even to wait. */
        REFUSED
    }

    private record Waiting(Applicant call, long sinceNanos) {}

    private final MemoryBudget memory;
    private final Executor threads;
    private final Executor soon;
    private final IntConsumer makeRoom;
    private final LongSupplier nanoTime;

    // The waiting calls, the oldest first; guarded by this. A known client has taken an answer before.
    private final Deque<Waiting> known = new ArrayDeque<>();
    private final Deque<Waiting> unknown = new ArrayDeque<>();
    /** Whether a run of {@link #check} is scheduled. */
    private boolean isCheckScheduled;

    /**
     * @param threads on which {@link Applicant#admitted} and {@link Applicant#refused} are called
     * @param soon runs a task a fraction of a second later
     * @param makeRoom ends the longest waits for slow clients, up to the given number
     */
    Admission(MemoryBudget memory, Executor threads, Executor soon, IntConsumer makeRoom, LongSupplier nanoTime) {
        this.memory = memory;
        this.threads = threads;
        this.soon = soon;
        this.makeRoom = makeRoom;
        this.nanoTime = nanoTime;
    }

    /** @param isKnown whether the call's client has taken an answer before */
    Entry enter(Applicant call, boolean isKnown) {
        Waiting displaced = null;
        synchronized (this) {
            if (memory.hasRoom(CALL_BYTES, use(isKnown)) && memory.reserve(CALL_BYTES, use(isKnown))) {
                return Entry.ADMITTED;
            }
            if (!memory.reserve(WAITING_BYTES, isKnown ? MemoryBudget.Use.SHORT : MemoryBudget.Use.WAITING)) {
                displaced = unknown.isEmpty() && isKnown ? known.pollFirst() : unknown.pollFirst();
                if (displaced == null) {
                    return Entry.REFUSED;
                }
            }
            (isKnown ? known : unknown).addLast(new Waiting(call, nanoTime.getAsLong()));
            if (!isCheckScheduled) {
                isCheckScheduled = run(soon, this::check);
            }
        }
        if (displaced != null) {
            run(threads, displaced.call()::refused);
        }
        return Entry.WAITS;
    }

    private static MemoryBudget.Use use(boolean isKnown) {
        return isKnown ? MemoryBudget.Use.KNOWN_CALL : MemoryBudget.Use.CALL;
    }

    /**
     * Refuses the oldest waiting call of an unknown client, in favour of a newer request.
     *
     * @return whether there was such a call; its own memory is released at once, and that of its request soon
     */
    boolean displace() {
        Waiting oldest;
        synchronized (this) {
            oldest = unknown.pollFirst();
        }
        if (oldest == null) {
            return false;
        }
        memory.release(WAITING_BYTES);
        run(threads, oldest.call()::refused);
        return true;
    }

    /** Releases the memory of an admitted call that is over, and lets waiting calls begin. */
    void leave() {
        memory.release(CALL_BYTES);
        admit();
    }

    /** Ends a call's wait. A call that has been admitted meanwhile is still told so. */
    void withdraw(Applicant call) {
        boolean waited;
        synchronized (this) {
            waited = known.removeIf(waiting -> waiting.call() == call)
                    || unknown.removeIf(waiting -> waiting.call() == call);
        }
        if (waited) {
            memory.release(WAITING_BYTES);
        }
    }

    /**
     * Refuses the calls that have waited too long, and lets others begin if there is room for them by now, since other
     * holders of memory release it without a word to this class. Repeated while calls wait.
     */
    private void check() {
        List<Waiting> late = new ArrayList<>();
        int waiting;
        synchronized (this) {
            long now = nanoTime.getAsLong();
            for (Deque<Waiting> line : List.of(known, unknown)) {
                while (!line.isEmpty() && now - line.peekFirst().sinceNanos() > LONGEST_WAIT_NANOS) {
                    late.add(line.pollFirst());
                }
            }
            waiting = waiting();
            isCheckScheduled = waiting > 0 && run(soon, this::check);
        }
        for (Waiting call : late) {
            memory.release(WAITING_BYTES);
            run(threads, call.call()::refused);
        }
        if (waiting > 0) {
            // At least LEAST_ENDED, since ending a wait may release less memory than a call needs.
            makeRoom.accept(Math.max(waiting, LEAST_ENDED));
            admit();
        }
    }

    private void admit() {
        for (Waiting next = next(); next != null; next = next()) {
            if (!run(threads, next.call()::admitted)) {
                memory.release(CALL_BYTES);
            }
        }
    }

    /**
     * Takes the next call to begin, and raises its reservation to {@link #CALL_BYTES}. Null if no call waits, or none
     * has room.
     */
    private synchronized Waiting next() {
        for (boolean isKnown : new boolean[] {true, false}) {
            Deque<Waiting> line = isKnown ? known : unknown;
            if (!line.isEmpty()
                    && memory.hasRoom(CALL_BYTES - WAITING_BYTES, use(isKnown))
                    && memory.reserve(CALL_BYTES - WAITING_BYTES, use(isKnown))) {
                return line.pollLast();
            }
        }
        return null;
    }

    private static boolean run(Executor executor, Runnable task) {
        try {
            executor.execute(task);
            return true;
        } catch (RejectedExecutionException closing) {
            // The upstream client is closing, and breaks off all calls.
            return false;
        }
    }

    /** Number of calls that wait. */
    synchronized int waiting() {
        return known.size() + unknown.size();
    }
}
