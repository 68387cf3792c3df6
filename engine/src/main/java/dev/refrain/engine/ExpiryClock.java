package dev.refrain.engine;

import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The time by which sweeps destroy expired entries. It is the clock's time, except after a jump forward, which is
 * believed only when it has lasted. If the clock is wrong for a moment, lookups miss for that moment, and all is well
 * when it is corrected. But what a sweep has removed is lost.
 *
 * <p>{@link System#nanoTime} shows that the clock has jumped, but not whether it was right before or is right now. So a
 * jump back is believed at once, because it removes nothing. A jump forward is believed once it has lasted for
 * {@link #SETTLING}. Nanoseconds do not go on from one process to the next: at the start, the store's last use stands
 * for the time before. Thread-safe.
 */
final class ExpiryClock {
    /** How long a jump forward has to last: clocks that are wrong at boot are put right within minutes. */
    static final Duration SETTLING = Duration.ofMinutes(10);

    /** What a clock may gain between two looks without having jumped, in milliseconds. */
    private static final long SLACK_MILLIS = 5_000;

    /** Stands for a store that was never used, as far as is known. */
    static final long NEVER = Long.MIN_VALUE;

    private final Clock clock;
    private final LongSupplier nanos;
    private final long origin;
    /** The clock's time at {@link #origin}, in milliseconds since the epoch, as it is believed. */
    private long believed;

    private boolean doubting;
    /** The same by a clock that has jumped forward and is not believed yet. */
    private long doubted;

    private long doubtedSince;

    /**
     * @param lastUseMillis when the store was last used, by the clock of that time, or {@link #NEVER}
     * @param nanos time that passes
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

    /** Milliseconds since the epoch. */
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
