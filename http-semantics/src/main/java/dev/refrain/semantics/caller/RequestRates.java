package dev.refrain.semantics.caller;

import dev.refrain.engine.CacheScope;
import dev.refrain.engine.memory.BoundedMap;
import java.util.function.LongSupplier;

/**
 * The {@link RequestRate}s of API keys that were seen lately. A key is known by its scope, which is a keyed digest. If
 * there are too many keys, those with the fewest requests are forgotten and begin with a full burst again. Thread-safe.
 */
public final class RequestRates {
    private static final long MAX_BYTES = 4 << 20;
    private static final int MAX_KEYS = 16 * 1024;
    /** Bytes of an entry: a scope, a rate and its counter. */
    private static final int BYTES = 160;

    private final double perSecond;
    private final int burst;
    private final LongSupplier nanoTime;
    private final BoundedMap<CacheScope, RequestRate> known =
            new BoundedMap<>(MAX_BYTES, MAX_KEYS, (scope, rate) -> BYTES);

    /**
     * Begins without known keys.
     *
     * @param perSecond requests of each key in the long run, positive
     * @param burst requests of each key at once, positive
     * @param nanoTime the clock, as {@link System#nanoTime}
     */
    public RequestRates(double perSecond, int burst, LongSupplier nanoTime) {
        this.perSecond = perSecond;
        this.burst = burst;
        this.nanoTime = nanoTime;
    }

    /** The rate of a key. All requests without a key share one. */
    RequestRate of(CacheScope key) {
        RequestRate rate = known.get(key);
        if (rate == null) {
            synchronized (this) {
                rate = known.get(key);
                if (rate == null) {
                    rate = new RequestRate(perSecond, burst, nanoTime.getAsLong());
                    known.put(key, rate);
                }
            }
        }
        return rate;
    }

    /** How many keys are known. */
    int size() {
        return known.size();
    }
}
