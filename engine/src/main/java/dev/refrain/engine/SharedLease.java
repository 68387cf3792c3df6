package dev.refrain.engine;

import dev.refrain.engine.spi.SharedTier;
import java.util.concurrent.CompletionStage;

/**
 * The lease under which this machine calls the provider for a key. It is released once the answer's entry has been sent
 * to the tier (or will not be sent) and the whole stream has been passed on to other machines that follow it. If no
 * machine follows the stream and the call is not joinable any more, the lease is released at once. Thread-safe.
 */
final class SharedLease {
    /** What a lease and its publisher need from {@link SharedCalls}. */
    interface Tier {
        SharedTier tier();

        SharedCalls.Timing timing();

        SharedCounters counters();

        /** Monotonic time in nanoseconds. */
        long nanos();

        /** Whether this machine is shutting down. Then nothing more is sent. */
        boolean isClosed();

        /** Runs a task on a thread of the cache. */
        void execute(Runnable task);

        /** Runs a task on a thread of the cache after a delay. */
        void later(Runnable task, long delayNanos);

        /** Forgets a lease that is not held any more. */
        void drop(SharedLease lease);
    }

    private final Tier calls;
    private final Flight flight;
    private final byte[] digest;
    private final long token;

    private volatile boolean wasWanted;
    private volatile long wantedAt;
    /** The tick of the last renewal. Used only by the timer. */
    private long renewedAt;
    /** Whether the last renewal was a short one, for a wanted lease. Used only by the timer. */
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

    /** Whether another machine waits for this call, as far as is known. */
    boolean isWanted() {
        return wasWanted && calls.nanos() - wantedAt < calls.timing().patience().toNanos();
    }

    /** Notes that another machine waits for this call, and begins to pass the stream on to it. */
    void wanted() {
        if (flight.isDeserted()) {
            // The call may be dead (wire rule W28b), so other machines must not wait for it either.
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
            // The stream is not passed on. Unless the flight has ended, other machines must not wait for it.
            published(flight.ending() != null);
            return;
        }
        if (anew) {
            // The call may be waiting for its leader to take more.
            flight.resume();
        }
        ours.wake();
    }

    /** Renews the lease if that is due. */
    void beat(long now) {
        boolean wanted = isWanted();
        boolean fades = renewedAsWanted && !wanted;
        // A lease that is not wanted is renewed after a third of its life, so that two renewals may fail.
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
            // A renewal after the release would take the lease again.
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

    /** Gives the lease up, since another machine holds it by now. This machine's call goes on. */
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

    /** Called when the call is not joinable any more. Releases the lease unless the stream is being passed on. */
    void unjoinable() {
        synchronized (this) {
            if (publishing) {
                return;
            }
        }
        release();
    }

    /**
     * Called when the answer's entry has been sent to the tier, or will not be sent. Releases the lease unless the
     * stream is being passed on.
     */
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
     * Called when the publisher has passed the stream on. Releases the lease unless the entry is still to be sent.
     *
     * @param whole false if the rest cannot be passed on, so that machines that follow need not wait
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

    /** Gives the lease back. Idempotent. */
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
