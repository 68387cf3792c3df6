package dev.refrain.shared.redis;

import dev.refrain.testing.RedisServer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The contract of tiers on one server. */
class RedisTierContractTest extends RedisContract {
    private static RedisServer server;

    @BeforeAll
    static void startServer() {
        server = new RedisServer();
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    @Override
    String uri() {
        return server.uri();
    }

    @Override
    protected void flush() {
        server.ask("FLUSHALL");
    }
}
