package dev.refrain.spring;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.spi.StoreStats;
import dev.refrain.engine.stats.CacheStats;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/**
 * Up if there is a store; without one the program works, but pays for each answer. The indicator belongs to the overall
 * health, but to neither of the groups {@code liveness} and {@code readiness}, because a restart would not help.
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
