package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;

import dev.refrain.engine.shared.SharedTierContract;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.testing.RedisCluster;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** On a real cluster of three nodes. */
class RedisClusterContractTest extends SharedTierContract {
    private static RedisCluster cluster;

    @BeforeAll
    static void startCluster() {
        cluster = new RedisCluster();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @BeforeEach
    void empty() {
        flush();
    }

    static RedisTierSettings settings(RedisCluster cluster) {
        return RedisTierSettings.of(cluster.uri())
                .withTimeout(Duration.ofSeconds(20))
                .withSendTimeout(Duration.ofSeconds(20))
                .withConfirmTimeout(Duration.ofSeconds(20))
                .withMaxBarriers(MAX_BARRIERS)
                .withMaxEntryBytes(MAX_ENTRY_BYTES);
    }

    /** Connected. */
    @Override
    protected SharedTier machine() {
        RedisTier tier = RedisTier.open(settings(cluster));
        until(tier::canSend);
        return tier;
    }

    @Override
    protected void flush() {
        cluster.nodes().forEach(node -> node.ask("FLUSHALL"));
    }
}
