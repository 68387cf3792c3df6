package dev.refrain.spring;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.spi.StoreStats;
import dev.refrain.engine.stats.CacheStats;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/**
 * Up while there is a store; without one the program works, and pays for each answer. It takes part in the health as a
 * whole, but in neither of the groups {@code liveness} and {@code readiness}: a restart would mend nothing.
 */
final class StoreHealth extends AbstractHealthIndicator {
    private final ResponseCache cache;

    StoreHealth(ResponseCache cache) {
        super("The cache's figures could not be read");
        this.cache = cache;
    }

    @Override
    protected void doHealthCheck(Health.Builder health) {
        CacheStats stats = cache.admin().stats();
        StoreStats store = stats.store();
        if (store.capacityBytes() == 0) {
            health.down().withDetail("reason", "The store could not be opened; the log says why.");
        } else {
            health.up();
        }
        health.withDetail("entries", store.entries())
                .withDetail("usedBytes", store.bytes())
                .withDetail("capacityBytes", store.capacityBytes())
                .withDetail("hits", stats.hits())
                .withDetail("misses", stats.misses())
                .withDetail("failures", stats.failures() + store.failures());
    }
}
