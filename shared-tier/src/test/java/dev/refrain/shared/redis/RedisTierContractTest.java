package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;

import dev.refrain.engine.shared.SharedTierContract;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.testing.RedisServer;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/** On a real server. The timeout is long: what it does when it is over is in {@link RedisFaultsTest}. */
class RedisTierContractTest extends SharedTierContract {
    private static RedisServer server;

    @BeforeAll
    static void startServer() {
        server = new RedisServer();
    }

    @AfterAll
    static void stopServer() {
        server.close();
    }

    @BeforeEach
    void empty() {
        flush();
    }

    static RedisTierSettings settings(RedisServer server) {
        return RedisTierSettings.of(server.uri())
                .withTimeout(Duration.ofSeconds(20))
                .withSendTimeout(Duration.ofSeconds(20))
                .withConfirmTimeout(Duration.ofSeconds(20))
                .withMaxBarriers(MAX_BARRIERS)
                .withMaxEntryBytes(MAX_ENTRY_BYTES);
    }

    /** Connected. */
    @Override
    protected SharedTier machine() {
        RedisTier tier = RedisTier.open(settings(server));
        until(tier::canSend);
        return tier;
    }

    @Override
    protected void flush() {
        server.ask("FLUSHALL");
    }
}
