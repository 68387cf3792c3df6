package dev.refrain.engine.metrics;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.StoreStats;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.engine.stats.SharedStats;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * Binds a cache's statistics to a Micrometer registry. Requests touch no meter: a scrape reads the cache's own
 * counters. One scrape reads many meters, and some statistics need a walk over the store's segments, so a reading is
 * reused for {@value #FRESH_MILLIS} ms. Thread-safe; nothing is null.
 */
public final class CacheMetrics implements MeterBinder {
    private static final long FRESH_MILLIS = 500;

    private final ResponseCache cache;
    private CacheStats latest;
    private long readAt;

    /** Meters for one cache. Bound meters keep the cache reachable for as long as the registry has them. */
    public CacheMetrics(ResponseCache cache) {
        this.cache = Objects.requireNonNull(cache, "cache");
    }

    private synchronized CacheStats stats() {
        long now = System.nanoTime();
        if (latest == null || now - readAt > TimeUnit.MILLISECONDS.toNanos(FRESH_MILLIS)) {
            latest = cache.admin().stats();
            readAt = now;
        }
        return latest;
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        for (Endpoint endpoint : Endpoint.values()) {
            count(
                            "refrain.cache.lookups",
                            "Lookups in the store",
                            s -> s.byEndpoint().get(endpoint).hits())
                    .tags("endpoint", endpoint.id(), "result", "hit")
                    .register(registry);
            count(
                            "refrain.cache.lookups",
                            "Lookups in the store",
                            s -> s.byEndpoint().get(endpoint).misses())
                    .tags("endpoint", endpoint.id(), "result", "miss")
                    .register(registry);
        }
        counter(
                registry,
                "refrain.cache.stale.hits",
                "Hits served because the provider failed",
                CacheStats::hitsOnError);
        counter(registry, "refrain.cache.collapsed", "Misses that joined another call", CacheStats::collapsed);
        counter(registry, "refrain.cache.bypasses", "Requests that were not eligible", CacheStats::bypasses);
        counter(registry, "refrain.cache.stores", "Answers stored", CacheStats::stores);
        counter(registry, "refrain.cache.rejections", "Answers that were not to be stored", CacheStats::rejections);
        counter(registry, "refrain.cache.shortages", "Answers not stored for lack of memory", CacheStats::shortages);
        counter(registry, "refrain.cache.corruptions", "Damaged entries found", CacheStats::corruptions);
        counter(registry, "refrain.cache.failures", "Answers lost to an internal error", CacheStats::failures);
        counter(registry, "refrain.cache.saved.tokens", "Tokens that hits saved", CacheStats::tokensSaved);
        bindStore(registry);
        if (cache.admin().shared().isPresent()) {
            bindShared(registry);
        }
        Gauge.builder("refrain.memory.used", cache, c -> c.admin().memory().usedBytes())
                .description("Heap held by requests and answers under way")
                .baseUnit("bytes")
                .register(registry);
        Gauge.builder("refrain.memory.limit", cache, c -> c.admin().memory().limitBytes())
                .description("Limit of refrain.memory.used")
                .baseUnit("bytes")
                .register(registry);
        FunctionCounter.builder(
                        "refrain.memory.refusals",
                        cache,
                        c -> c.admin().memory().refusals())
                .description("Times that the memory budget was used up")
                .register(registry);
        Gauge.builder("refrain.cache.flights", cache, c -> c.admin().joinableFlights())
                .description("Upstream calls under way that identical requests would join")
                .register(registry);
    }

    /** Meters of the shared tier; not registered without one. */
    private void bindShared(MeterRegistry registry) {
        String lookups = "Lookups in the shared tier";
        shared("refrain.shared.lookups", lookups, SharedStats::hits)
                .tag("result", "hit")
                .register(registry);
        shared("refrain.shared.lookups", lookups, SharedStats::misses)
                .tag("result", "miss")
                .register(registry);
        shared("refrain.shared.lookups", lookups, SharedStats::rejects)
                .tag("result", "reject")
                .register(registry);
        shared("refrain.shared.lookups", lookups, SharedStats::failures)
                .tag("result", "failure")
                .register(registry);
        shared(
                        "refrain.shared.lookup.seconds",
                        "Duration of the lookups that were answered",
                        s -> s.lookupNanos() / 1e9)
                .register(registry);
        shared("refrain.shared.stores", "Answers sent to the shared tier", SharedStats::stores)
                .tag("result", "taken")
                .register(registry);
        shared("refrain.shared.stores", "Answers sent to the shared tier", SharedStats::storesLost)
                .tag("result", "lost")
                .register(registry);
        shared("refrain.shared.bytes", "Sealed entries and streams", SharedStats::receivedBytes)
                .tag("direction", "received")
                .register(registry);
        shared("refrain.shared.bytes", "Sealed entries and streams", SharedStats::sentBytes)
                .tag("direction", "sent")
                .register(registry);
        shared("refrain.shared.bytes", "Sealed entries and streams", SharedStats::appendedBytes)
                .tag("direction", "appended")
                .register(registry);
        shared("refrain.shared.bytes", "Sealed entries and streams", SharedStats::readBytes)
                .tag("direction", "followed")
                .register(registry);
        shared("refrain.shared.waits", "Misses that waited for another machine's call", SharedStats::waits)
                .register(registry);
        shared("refrain.shared.joins", "Misses that followed another machine's stream", SharedStats::joins)
                .register(registry);
        state(registry, "refrain.shared.available", "Whether the shared tier answers", SharedStats::isAvailable);
        state(registry, "refrain.shared.connected", "Whether this machine receives removals", SharedStats::isConnected);
    }

    private FunctionCounter.Builder<ResponseCache> shared(
            String name, String description, ToDoubleFunction<SharedStats> value) {
        return FunctionCounter.builder(
                        name, cache, c -> value.applyAsDouble(c.admin().shared().orElseThrow()))
                .description(description);
    }

    private void state(MeterRegistry registry, String name, String description, Predicate<SharedStats> is) {
        Gauge.builder(name, cache, c -> is.test(c.admin().shared().orElseThrow()) ? 1 : 0)
                .description(description)
                .register(registry);
    }

    private void bindStore(MeterRegistry registry) {
        gauge(registry, "refrain.store.entries", "Entries", null, StoreStats::entries);
        gauge(registry, "refrain.store.used", "Room that entries take", "bytes", StoreStats::bytes);
        gauge(registry, "refrain.store.capacity", "Byte budget", "bytes", StoreStats::capacityBytes);
        gauge(
                registry,
                "refrain.store.expired",
                "Room that expired entries take, estimated",
                "bytes",
                s -> s.details().expiredBytes());
        gauge(
                registry,
                "refrain.store.free",
                "Free room; without any, entries are evicted",
                "bytes",
                s -> s.details().freeBytes());
        gauge(
                registry,
                "refrain.store.entry.overhead",
                "Room that an entry takes beyond its own length",
                "bytes",
                s -> s.details().overheadBytes());
        count(
                        "refrain.store.evictions",
                        "Entries removed to make room",
                        s -> s.store().details().expiredEvictions())
                .tag("reason", "expired")
                .register(registry);
        count(
                        "refrain.store.evictions",
                        "Entries removed to make room",
                        s -> s.store().evictions() - s.store().details().expiredEvictions())
                .tag("reason", "worth")
                .register(registry);
        counter(
                registry,
                "refrain.store.expirations",
                "Entries removed by sweeps",
                s -> s.store().expirations());
        counter(
                registry,
                "refrain.store.removals",
                "Entries removed on demand",
                s -> s.store().details().removals());
        counter(
                registry,
                "refrain.store.drops",
                "Entries not stored for lack of room",
                s -> s.store().drops());
        counter(
                registry,
                "refrain.store.failures",
                "Operations that failed",
                s -> s.store().failures());
        counter(
                registry,
                "refrain.store.sweeps",
                "Complete sweeps",
                s -> s.store().details().sweeps());
        gauge(
                registry,
                "refrain.store.hold.max",
                "Longest time that a sweep or removal kept writers waiting",
                "seconds",
                s -> s.details().longestHoldNanos() / 1e9);
    }

    private FunctionCounter.Builder<CacheMetrics> count(
            String name, String description, ToDoubleFunction<CacheStats> value) {
        return FunctionCounter.builder(name, this, metrics -> value.applyAsDouble(metrics.stats()))
                .description(description);
    }

    private void counter(MeterRegistry registry, String name, String description, ToDoubleFunction<CacheStats> value) {
        count(name, description, value).register(registry);
    }

    private void gauge(
            MeterRegistry registry, String name, String description, String unit, ToDoubleFunction<StoreStats> value) {
        Gauge.builder(name, this, metrics -> value.applyAsDouble(metrics.stats().store()))
                .description(description)
                .baseUnit(unit)
                // By default a registry refers weakly to the object that a gauge measures, so garbage collection would
                // end the gauge.
                .strongReference(true)
                .register(registry);
    }
}
