package dev.refrain.shared.redis;

import dev.refrain.testing.RedisCluster;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract of tiers on a cluster of three nodes. */
class RedisClusterContractTest extends RedisContract {
    private static RedisCluster cluster;

    @BeforeAll
    static void startCluster() {
        cluster = new RedisCluster();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @Override
    String uri() {
        return cluster.uri();
    }

    @Override
    protected void flush() {
        cluster.nodes().forEach(node -> node.ask("FLUSHALL"));
    }
}
