package dev.refrain.engine;

import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The time by which sweeps remove expired entries. It is the clock's time, except that a jump forward is believed only
 * once it has lasted for {@link #SETTLING}. While a clock is wrong, lookups miss, and they hit again once it is
 * corrected. But an entry that a sweep has removed is lost.
 *
 * <p>{@link System#nanoTime} shows that the clock has jumped, but not whether it was right before or is right now. So a
 * jump back is believed at once, because it removes nothing. A jump forward is believed later, since a sweep by a wrong
 * time would remove fresh entries. The nanoseconds of two processes cannot be compared, so a new process compares the
 * clock with the time of the store's last use. Thread-safe.
 */
final class ExpiryClock {
    /** How long a jump forward has to last. Clocks that are wrong at boot are corrected within minutes. */
    static final Duration SETTLING = Duration.ofMinutes(10);

    /** How far the clock may run ahead of the nanoseconds before that counts as a jump, in milliseconds. */
    private static final long SLACK_MILLIS = 5_000;

    /** Stands for the last use of a store if none is recorded. */
    static final long NEVER = Long.MIN_VALUE;

    private final Clock clock;
    private final LongSupplier nanos;
    private final long origin;
    /** The time at {@link #origin} that is believed, in milliseconds since the epoch. */
    private long believed;

    private boolean doubting;
    /** The time at {@link #origin} by a clock that has jumped forward and is not believed yet. */
    private long doubted;

    private long doubtedSince;

    /**
     * @param lastUseMillis when the store was last used, by the clock of that time, or {@link #NEVER}
     * @param nanos monotonic time in nanoseconds
     */
    ExpiryClock(Clock clock, LongSupplier nanos, long lastUseMillis) {
        this.clock = clock;
        this.nanos = nanos;
        this.origin = nanos.getAsLong();
        long now = clock.millis();
        this.believed = now;
        if (lastUseMillis != NEVER && now - lastUseMillis > SETTLING.toMillis()) {
            // The store was unused for long, or the clock has jumped.
            believed = lastUseMillis;
            doubting = true;
            doubted = now;
        }
    }

    /** The time by which sweeps remove entries, in milliseconds since the epoch. */
    synchronized long millis() {
        long passed = TimeUnit.NANOSECONDS.toMillis(nanos.getAsLong() - origin);
        long offset = clock.millis() - passed;
        if (offset - believed <= SLACK_MILLIS) {
            believed = offset;
            doubting = false;
        } else if (!doubting || Math.abs(offset - doubted) > SLACK_MILLIS) {
            doubting = true;
            doubted = offset;
            doubtedSince = passed;
        } else if (passed - doubtedSince >= SETTLING.toMillis()) {
            believed = offset;
            doubting = false;
        }
        return believed + passed;
    }
}
