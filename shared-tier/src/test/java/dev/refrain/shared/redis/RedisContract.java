package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;

import dev.refrain.engine.shared.SharedTierContract;
import dev.refrain.engine.spi.SharedTier;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;

/** The contract of tiers on real servers. Timeouts are long; {@link RedisFaultsTest} tests what happens after them. */
abstract class RedisContract extends SharedTierContract {
    static RedisTierSettings settings(String uri) {
        return RedisTierSettings.of(uri)
                .withTimeout(Duration.ofSeconds(20))
                .withSendTimeout(Duration.ofSeconds(20))
                .withConfirmTimeout(Duration.ofSeconds(20))
                .withMaxBarriers(MAX_BARRIERS)
                .withMaxEntryBytes(MAX_ENTRY_BYTES);
    }

    abstract String uri();

    @BeforeEach
    void empty() {
        flush();
    }

    /** A machine that is connected. */
    @Override
    protected SharedTier machine() {
        RedisTier tier = RedisTier.open(settings(uri()));
        until(tier::canSend);
        return tier;
    }
}
