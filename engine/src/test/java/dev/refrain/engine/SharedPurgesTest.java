package dev.refrain.engine;

import dev.refrain.engine.shared.HeapTier;
import dev.refrain.engine.shared.SharedPurgesContract;
import dev.refrain.engine.spi.SharedTier;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/** The contract of purges, on a tier in memory, with machines that ask again quickly. */
class SharedPurgesTest extends SharedPurgesContract {
    private static final SharedCalls.Timing TIMING = new SharedCalls.Timing(
            Duration.ofSeconds(1),
            Duration.ofMillis(100),
            Duration.ofMillis(20),
            Duration.ofMillis(20),
            Duration.ofMillis(200),
            Duration.ofSeconds(5));

    private final AtomicLong last = new AtomicLong(1_800_000_000_000_000L);
    private final HeapTier.Engine engine = new HeapTier.Engine(this::micros, 16 << 20, 1_000);

    /** The current time in microseconds; never the same value twice. */
    private long micros() {
        long now = 1_800_000_000_000_000L + System.nanoTime() / 1_000;
        return last.updateAndGet(before -> Math.max(before + 1, now));
    }

    @Override
    protected Connection connection() {
        HeapTier tier = engine.machine();
        return new Connection() {
            @Override
            public SharedTier tier() {
                return tier;
            }

            @Override
            public void cut() {
                tier.cut();
            }

            @Override
            public void join() {
                tier.join();
            }
        };
    }

    @Override
    protected void configure(ResponseCacheBuilder builder) {
        builder.sharedTiming(TIMING);
    }
}
