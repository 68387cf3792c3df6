package dev.refrain.engine;

import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Keeps deadlines that are seldom reached, with one alarm for all of them. The alarm is set for the earliest deadline.
 * When it rings, it is set again for the earliest one left.
 *
 * <p>A timer for each deadline would wake the JVM's timer thread whenever a new deadline is the earliest. With one call
 * at a time, every call would wake that thread.
 *
 * <p>Thread-safe. The monitor is a leaf: a thread that holds it sets and cancels alarms, and does nothing else.
 */
final class Deadlines {
    /** The deadlines of all caches of the JVM. */
    static final Deadlines OF_JVM = new Deadlines(System::nanoTime, Deadlines::timer);

    /** Least time between two rings, however many deadlines pass one after the other. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    /** A waiter with a deadline. Compared by identity. */
    interface Waiting {
        /** The deadline, on the scale of {@link Deadlines#nanoTime}. */
        long deadlineNanos();

        /** Called when the deadline has passed, on the JVM's timer thread; must not block. */
        void passed();
    }

    /** A timer that rings once. */
    interface Alarm {
        /**
         * Sets the timer. It may ring on any thread, even on the calling one before this method returns.
         *
         * @param nanos from now
         * @return an action that cancels the timer
         */
        Runnable set(long nanos, Runnable rings);
    }

    /** An alarm that is set. Its fields are guarded by the monitor. */
    private static final class Ringing {
        private final long atNanos;
        private Runnable cancel;
        /**
         * Whether the alarm rang on the thread that sets it. That thread handles the ring after leaving the monitor.
         */
        private boolean rang;

        Ringing(long atNanos) {
            this.atNanos = atNanos;
        }
    }

    private final LongSupplier nanoTime;
    private final Alarm alarm;
    private final Set<Waiting> waiting = ConcurrentHashMap.newKeySet();
    /** The alarm that is set; null if there is none. Changed with the monitor held. */
    private volatile Ringing next;

    Deadlines(LongSupplier nanoTime, Alarm alarm) {
        this.nanoTime = nanoTime;
        this.alarm = alarm;
    }

    private static Runnable timer(long nanos, Runnable rings) {
        CompletableFuture<Void> timer = new CompletableFuture<>();
        // The action is added before the timeout. If the timer rang before the action was added, the action would run
        // on this thread.
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
        // Added first: an alarm that rings at this moment either sees the new deadline, or is no longer the current one
        // and a new alarm is set below.
        waiting.add(one);
        set(one.deadlineNanos());
    }

    /** Removes a waiter whose deadline no longer matters. */
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
            // If this throws, the earlier alarm stays set.
            set.cancel = alarm.set(Math.max(0, atNanos - nanoTime()), () -> ring(set));
            next = set;
            rang = set.rang;
            if (before != null) {
                before.cancel.run();
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
                // The alarm was cancelled while it rang.
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
     * Calls every waiter whose deadline has passed. Returns the nanoseconds until the next deadline, or
     * {@link Long#MAX_VALUE} if there is none. A waiter that throws does not keep the others from being called, and is
     * called again later.
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
            } catch (RuntimeException | Error e) { // for example, no memory for a new thread
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
