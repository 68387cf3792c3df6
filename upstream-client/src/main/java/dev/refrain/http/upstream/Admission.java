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
 * Which calls may begin while the memory budget has no room for all of them. The others wait, for seconds, and hold no
 * more than their request.
 *
 * <p>Two things keep a flood from shutting out everybody else. A part of the budget is for clients that have taken an
 * answer over the same connection before: a flood of those that do not read has none. And among those who wait the
 * newest goes first: in a flood all waits are too long for somebody, and the newest request is the one whose client is
 * most likely still there (adaptive LIFO; Maurer, "Fail at Scale", ACM Queue 13(8), 2015). Who finds no room even to
 * wait takes the place of the oldest.
 *
 * <p>Thread-safe. Its monitor is a leaf: no call is told anything with it held.
 */
final class Admission {
    /**
     * What a call takes at most: 32 KiB of its request that wait to be written, or a record of TLS that has not come
     * whole and 16 KiB that were read last; and a piece of 16 KiB that its client has not taken.
     */
    static final int CALL_BYTES = 64 * 1024;

    /**
     * The part of that in which the head of an answer stands: it comes ahead of the pieces of the body. A longer one
     * takes more of the budget.
     */
    static final int HEAD_BYTES = 16 * 1024;

    /** What a request takes that waits for its call, beside its head and body. */
    static final int WAITING_BYTES = 4 * 1024;

    /** Waits for clients that are ended at a time, if there are as many that may be. */
    private static final int LEAST_ENDED = 32;

    static final long LONGEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** A call that wants to begin. */
    interface Applicant {
        /** It may begin, and says {@link Admission#leave} in the end; on one of the threads given. */
        void admitted();

        /** It has waited in vain; on one of the threads given. */
        void refused();
    }

    /** How an application was received. */
    enum Entry {
        /** It may begin at once, and says {@link Admission#leave} in the end. */
        ADMITTED,
        /** It hears of it, unless it {@linkplain Admission#withdraw withdraws}. */
        WAITS,
        /** There is not even room to wait. */
        REFUSED
    }

    private record Waiting(Applicant call, long sinceNanos) {}

    private final MemoryBudget memory;
    private final Executor threads;
    private final Executor soon;
    private final IntConsumer makeRoom;
    private final LongSupplier nanoTime;

    // The oldest first; guarded by this.
    private final Deque<Waiting> known = new ArrayDeque<>();
    private final Deque<Waiting> unknown = new ArrayDeque<>();
    /** Whether {@link #look} is going to run. */
    private boolean looks;

    /**
     * @param threads where calls begin that had to wait
     * @param soon runs a task a fraction of a second later
     * @param makeRoom is asked to end so many of the longest waits for clients that take nothing
     */
    Admission(MemoryBudget memory, Executor threads, Executor soon, IntConsumer makeRoom, LongSupplier nanoTime) {
        this.memory = memory;
        this.threads = threads;
        this.soon = soon;
        this.makeRoom = makeRoom;
        this.nanoTime = nanoTime;
    }

    /** @param isKnown whether its client has taken an answer before */
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
            if (!looks) {
                looks = run(soon, this::look);
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
     * Refuses the oldest of those who wait and are not known, in favour of a newer request.
     *
     * @return whether there was one; its room is given back at once, and that of its request soon
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

    /** A call that was admitted is over. */
    void leave() {
        memory.release(CALL_BYTES);
        admit();
    }

    /** A call does not wait any more. Should it have been admitted meanwhile it hears of that all the same. */
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

    /** Again and again while anybody waits: room may come from anybody who holds some, and waits end. */
    private void look() {
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
            looks = waiting > 0 && run(soon, this::look);
        }
        for (Waiting call : late) {
            memory.release(WAITING_BYTES);
            run(threads, call.call()::refused);
        }
        if (waiting > 0) {
            // A wait that is ended may give back less than a call takes.
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

    /** The next call, with its room reserved: what it held while it waited, and the rest. */
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
            // All calls are broken off.
            return false;
        }
    }

    /** Calls that wait. */
    synchronized int waiting() {
        return known.size() + unknown.size();
    }
}
