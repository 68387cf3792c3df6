package dev.refrain.engine;

import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Time limits that hardly ever pass, with one alarm for all of them. It is set for the first of them, and when it rings
 * for the first of those that there are then.
 *
 * <p>A timer for each would wake the thread of the JVM's timer whenever another one is due first: with one call at a
 * time that is with each call.
 *
 * <p>Thread-safe. The monitor is a leaf: with it held nothing but the alarm changes.
 */
final class Deadlines {
    /** Those of all caches of the JVM. */
    static final Deadlines OF_JVM = new Deadlines(System::nanoTime, Deadlines::timer);

    /** The alarm rings no more often, however many are due one after the other. */
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    /** Somebody who waits no longer than to a certain time. Compared by identity. */
    interface Waiting {
        /** By the clock of the deadlines. */
        long deadlineNanos();

        /** It has passed; on the thread of the JVM's timer, which is not to be held up. */
        void passed();
    }

    /** What rings once. */
    interface Alarm {
        /**
         * Sets it.
         *
         * @param nanos from now
         * @return calls it off
         */
        Runnable set(long nanos, Runnable rings);
    }

    /** An alarm that is set. */
    private final class Ringing {
        private final long atNanos;
        private final Runnable callOff;

        Ringing(long atNanos) {
            this.atNanos = atNanos;
            // On another thread, which waits until this is the one that is set.
            this.callOff = alarm.set(Math.max(0, atNanos - nanoTime()), () -> ring(this));
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
        var unused = timer.orTimeout(nanos, TimeUnit.NANOSECONDS).whenComplete((off, timeout) -> {
            if (timeout != null) {
                rings.run();
            }
        });
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
        synchronized (this) {
            if (isSetFor(atNanos)) {
                return;
            }
            if (next != null) {
                next.callOff.run();
            }
            next = new Ringing(atNanos);
        }
    }

    private boolean isSetFor(long atNanos) {
        Ringing current = next;
        return current != null && current.atNanos - atNanos <= 0;
    }

    private void ring(Ringing which) {
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

    /** Tells those that are due; returns how long the next one has, or {@link Long#MAX_VALUE} if there is none. */
    private long passed(long now) {
        long first = Long.MAX_VALUE;
        for (Iterator<Waiting> each = waiting.iterator(); each.hasNext(); ) {
            Waiting one = each.next();
            long left = one.deadlineNanos() - now;
            if (left > 0) {
                first = Math.min(first, left);
            } else {
                one.passed();
                each.remove();
            }
        }
        return first;
    }
}
