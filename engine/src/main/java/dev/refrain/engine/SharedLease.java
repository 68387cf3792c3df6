package dev.refrain.engine;

import dev.refrain.engine.spi.SharedTier;
import java.util.concurrent.CompletionStage;

/**
 * The lease under which this machine calls the provider for a key. It is given back when the answer's entry has been
 * sent to the tier, or never will be, and all of the stream has been passed on to those who follow it elsewhere. If
 * nobody follows, and nobody may join the call any more, it is given back at once. Thread-safe.
 */
final class SharedLease {
    /** What a lease and its stream need. */
    interface Tier {
        SharedTier tier();

        SharedCalls.Timing timing();

        SharedCounters counters();

        /** Monotonic time. */
        long nanos();

        /** Whether this machine is shutting down: nothing more is sent. */
        boolean isClosed();

        /** Runs a task on a thread that may be used. */
        void execute(Runnable task);

        /** The same after a while. */
        void later(Runnable task, long delayNanos);

        /** The lease is not held any more. */
        void drop(SharedLease lease);
    }

    private final Tier calls;
    private final Flight flight;
    private final byte[] digest;
    private final long token;

    private volatile boolean wasWanted;
    private volatile long wantedAt;
    /** Used only by the timer. */
    private long renewedAt;
    /** Used only by the timer. Whether that was for a short while. */
    private boolean renewedAsWanted;

    // Guarded by this.
    private SharedPublisher publisher;
    private boolean publishing;
    private boolean settled;
    private boolean over;

    SharedLease(Tier calls, Flight flight, byte[] digest, long token) {
        this.calls = calls;
        this.flight = flight;
        this.digest = digest;
        this.token = token;
        this.renewedAt = calls.nanos();
    }

    Flight flight() {
        return flight;
    }

    byte[] digest() {
        return digest;
    }

    long token() {
        return token;
    }

    /** Whether somebody elsewhere waits, as far as is known. */
    boolean isWanted() {
        return wasWanted && calls.nanos() - wantedAt < calls.timing().patience().toNanos();
    }

    /** Somebody elsewhere waits. */
    void wanted() {
        if (flight.isDeserted()) {
            // The call may be dead (wire rule W28b): others are not to wait for it either.
            flight.closeToNewcomers();
        }
        SharedPublisher ours;
        boolean begins;
        boolean anew;
        synchronized (this) {
            if (over) {
                return;
            }
            anew = !isWanted();
            wantedAt = calls.nanos();
            wasWanted = true;
            begins = publisher == null;
            if (begins) {
                publisher = new SharedPublisher(this, calls);
                publishing = true;
            }
            ours = publisher;
        }
        if (begins && !flight.join(ours)) {
            ours.cannotBegin();
            // If it has not ended, nobody is to wait until it does.
            published(flight.ending() != null);
            return;
        }
        if (anew) {
            // The call may be waiting for its leader to take more.
            flight.resume();
        }
        ours.wake();
    }

    /** Renews it if need be. */
    void beat(long now) {
        boolean wanted = isWanted();
        boolean fades = renewedAsWanted && !wanted;
        // A third of its life: two renewals may fail.
        if (wanted || fades || now - renewedAt > calls.timing().held().toNanos() / 3) {
            renewedAt = now;
            renewedAsWanted = wanted;
            renew((wanted ? calls.timing().wanted() : calls.timing().held()).toMillis());
        }
        if (wasWanted && !wanted) {
            calls.execute(flight::cancelIfAbandoned);
        }
    }

    private void renew(long millis) {
        CompletionStage<Boolean> asked;
        synchronized (this) {
            // Never after it was given back, which would take it again.
            if (over) {
                return;
            }
            asked = calls.tier().renew(digest, token, millis);
        }
        var unused = asked.whenComplete((held, failure) -> {
            if (failure == null && !held) {
                lost();
            }
        });
    }

    /** Another machine has it by now. The call goes on. */
    private void lost() {
        SharedPublisher ours;
        synchronized (this) {
            over = true;
            ours = publisher;
        }
        calls.drop(this);
        if (ours != null) {
            ours.overrun();
            ours.wake();
        }
    }

    /** Nobody may join the call any more. */
    void unjoinable() {
        synchronized (this) {
            if (publishing) {
                return;
            }
        }
        release();
    }

    /** The answer's entry has been sent to the tier, or never will be. */
    void settled() {
        synchronized (this) {
            settled = true;
            if (publishing) {
                return;
            }
        }
        release();
    }

    /**
     * The stream has been passed on.
     *
     * @param whole false if the rest of it cannot be: whoever follows it need not wait
     */
    void published(boolean whole) {
        synchronized (this) {
            publishing = false;
            if (whole && !settled) {
                return;
            }
        }
        release();
    }

    /** Gives it back. Idempotent. */
    void release() {
        synchronized (this) {
            if (over) {
                return;
            }
            over = true;
            var unused = calls.tier().release(digest, token);
        }
        calls.drop(this);
    }
}
