package dev.refrain.engine;

import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Time limits that hardly ever pass, with one alarm for all of them. The alarm is set for the earliest limit. When it
 * rings, it is set again for the earliest that is left.
 *
 * <p>A timer for each limit would wake the JVM's timer thread whenever a new limit is the earliest. With one call at a
 * time, that is with each call.
 *
 * <p>Thread-safe. The monitor is a leaf: with it held nothing but the alarm changes.
 */
final class Deadlines {
    /** The deadlines of all caches of the JVM. */
    static final Deadlines OF_JVM = new Deadlines(System::nanoTime, Deadlines::timer);

    /** Least time between two rings, however many limits pass one after the other. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    /** Somebody who waits no longer than to a certain time. Compared by identity. */
    interface Waiting {
        /** By the clock of the deadlines. */
        long deadlineNanos();

        /** The time has passed. Called on the JVM's timer thread, so it must not block. */
        void passed();
    }

    /** What rings once. */
    interface Alarm {
        /**
         * Sets it. It may ring on any thread, also on this one and before this returns.
         *
         * @param nanos from now
         * @return calls it off
         */
        Runnable set(long nanos, Runnable rings);
    }

    /** An alarm that is set. Its fields change with the monitor held. */
    private static final class Ringing {
        private final long atNanos;
        private Runnable callOff;
        /** It rang on a thread that holds the monitor. That thread tells the others once it has left the monitor. */
        private boolean rang;

        Ringing(long atNanos) {
            this.atNanos = atNanos;
        }
    }

    private final LongSupplier nanoTime;
    private final Alarm alarm;
    private final Set<Waiting> waiting = ConcurrentHashMap.newKeySet();
    /** Null while no alarm is set; changed with the monitor held. */
    private volatile Ringing next;

    Deadlines(LongSupplier nanoTime, Alarm alarm) {
        this.nanoTime = nanoTime;
        this.alarm = alarm;
    }

    private static Runnable timer(long nanos, Runnable rings) {
        CompletableFuture<Void> timer = new CompletableFuture<>();
        // The action before the time limit: an action that is added to a timer that has rung already runs on this
        // thread.
        var unused = timer.whenComplete((off, timeout) -> {
            if (timeout != null) {
                rings.run();
            }
        });
        unused = timer.orTimeout(nanos, TimeUnit.NANOSECONDS);
        return () -> timer.complete(null);
    }

    long nanoTime() {
        return nanoTime.getAsLong();
    }

    void add(Waiting one) {
        // First: an alarm that is about to ring sees it, or is gone already.
        waiting.add(one);
        set(one.deadlineNanos());
    }

    /** Not waiting any more. */
    void remove(Waiting one) {
        waiting.remove(one);
    }

    boolean contains(Waiting one) {
        return waiting.contains(one);
    }

    private void set(long atNanos) {
        if (isSetFor(atNanos)) {
            return;
        }
        Ringing set = new Ringing(atNanos);
        boolean rang;
        synchronized (this) {
            if (isSetFor(atNanos)) {
                return;
            }
            Ringing before = next;
            // If it cannot be set, the one before goes on to ring.
            set.callOff = alarm.set(Math.max(0, atNanos - nanoTime()), () -> ring(set));
            next = set;
            rang = set.rang;
            if (before != null) {
                before.callOff.run();
            }
        }
        if (rang) {
            ring(set);
        }
    }

    private boolean isSetFor(long atNanos) {
        Ringing current = next;
        return current != null && current.atNanos - atNanos <= 0;
    }

    private void ring(Ringing which) {
        if (Thread.holdsLock(this)) {
            which.rang = true;
            return;
        }
        synchronized (this) {
            if (next != which) {
                // It was called off while it rang.
                return;
            }
            next = null;
        }
        long now = nanoTime();
        long first = PAUSE_NANOS;
        boolean isOver = false;
        try {
            first = passed(now);
            isOver = first == Long.MAX_VALUE;
        } finally {
            if (!isOver) {
                set(now + Math.max(first, PAUSE_NANOS));
            }
        }
    }

    /**
     * Tells those that are due; returns how long the next one has, or {@link Long#MAX_VALUE} if there is none. One that
     * cannot be told keeps no other from it, and is told again.
     */
    private long passed(long now) {
        long first = Long.MAX_VALUE;
        Throwable failure = null;
        for (Iterator<Waiting> each = waiting.iterator(); each.hasNext(); ) {
            Waiting one = each.next();
            long left = one.deadlineNanos() - now;
            if (left > 0) {
                first = Math.min(first, left);
                continue;
            }
            try {
                one.passed();
                each.remove();
            } catch (RuntimeException | Error e) { // such as that there is no memory for a thread
                failure = e;
            }
        }
        if (failure instanceof Error error) {
            throw error;
        } else if (failure != null) {
            throw (RuntimeException) failure;
        }
        return first;
    }
}
