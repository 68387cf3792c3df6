package dev.refrain.engine;

import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The time up to which entries may be destroyed as expired: the clock's, but for a jump forward that has not lasted. A
 * clock that is wrong for a moment serves nothing for that moment, which a correction puts right; what a sweep has
 * removed no correction brings back.
 *
 * <p>Time that passes ({@link System#nanoTime}) tells a jump from the passing of time. Which of the two sides of a jump
 * is right it does not tell. So going back is believed at once, since it keeps entries, and going forward once it has
 * lasted for {@link #SETTLING}. Where a process ends and another one begins nothing passes: there the store's last use
 * stands for the time before. Thread-safe.
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
    /** The clock less the time that has passed since {@link #origin}, as far as that is believed. */
    private long believed;

    private boolean doubting;
    /** The same, as the clock has it now and is not believed. */
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
