package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.testing.RedisServer;
import dev.refrain.testing.TcpForwarder;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A distant server: a forwarder in between limits the bytes per second, or silently drops connections. */
class RedisSlowLineTest {
    private static final long MINUTE = 60_000;
    private static final byte[] KEY = new byte[SharedTier.KEY_LENGTH];

    private final MemoryBudget memory = new MemoryBudget(64 << 20);
    private RedisServer server;
    private TcpForwarder line;
    private RedisTier tier;

    @BeforeEach
    void start() {
        server = new RedisServer();
        line = new TcpForwarder(server.port());
    }

    @AfterEach
    void stop() {
        tier.close();
        line.close();
        server.close();
    }

    private void open(Duration timeout, Duration sendTimeout) {
        tier = RedisTier.open(
                RedisTierSettings.of("redis://127.0.0.1:" + line.port())
                        .withTimeout(timeout)
                        .withSendTimeout(sendTimeout),
                memory);
        until(() -> tier.isAvailable() && isKept(tier.put(KEY, new byte[1], 1, MINUTE)));
    }

    private static boolean isKept(CompletionStage<Boolean> put) {
        try {
            return put.toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            return false;
        }
    }

    private static byte[] entry(int length) {
        byte[] entry = new byte[length];
        new Random(1).nextBytes(entry);
        return entry;
    }

    /** Sending the entry takes ten times the time limit of a lookup. No lookup waits for it. */
    @Test
    void aLongAnswerIsSharedOverASlowLine() throws Exception {
        Duration timeout = Duration.ofMillis(200);
        open(timeout, Duration.ofSeconds(20));
        line.bytesPerSecond(1_000_000);
        byte[] entry = entry(2_000_000);

        CompletableFuture<Boolean> put = tier.put(KEY, entry, 2, MINUTE).toCompletableFuture();

        for (int i = 0; i < 5; i++) {
            byte[] other = KEY.clone();
            other[0] = 1;
            assertThat(tier.get(other)
                            .toCompletableFuture()
                            .get(30, TimeUnit.SECONDS)
                            .entry())
                    .isNull();
        }
        assertThat(put).as("still being sent").isNotDone();
        assertThat(isKept(put)).isTrue();
        assertThat(tier.isAvailable()).isTrue();
        line.bytesPerSecond(Long.MAX_VALUE);
        until(() -> memory.usedBytes() == 0);
    }

    private static boolean fails(CompletionStage<?> stage) {
        try {
            stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
            return false;
        } catch (Exception e) {
            return true;
        }
    }

    @Test
    void aLineThatIsALittleSlowIsUsed() {
        open(Duration.ofSeconds(2), Duration.ofSeconds(20));
        line.delayMillis(10);
        for (int i = 0; i < 20; i++) {
            assertThat(fails(tier.get(KEY))).isFalse();
        }
        assertThat(tier.isAvailable()).isTrue();
    }

    /** Answers after the time limit do not count, so the breaker opens although the server answers each time. */
    @ParameterizedTest
    @ValueSource(longs = {100, 1_000})
    void aSlowLineIsNotWaitedForAndIsUsedAgainOnceItIsFast(long millis) {
        open(Duration.ofMillis(50), Duration.ofSeconds(20));
        line.delayMillis(millis);
        until(() -> fails(tier.get(KEY)) && !tier.isAvailable());
        for (int i = 0; i < 100; i++) {
            assertThat(tier.get(KEY).toCompletableFuture()).isCompletedExceptionally();
        }
        line.delayMillis(0);
        until(() -> tier.isAvailable() && !fails(tier.get(KEY)));
    }

    /** A firewall has silently dropped the connections. */
    @Test
    void halfOpenConnectionsAreReplaced() {
        open(Duration.ofMillis(50), Duration.ofSeconds(1));
        line.forget();
        until(() -> fails(tier.get(KEY)) && !tier.isAvailable());
        until(() -> tier.isAvailable() && !fails(tier.get(KEY)));
        until(() -> isKept(tier.put(KEY, entry(1_000), System.currentTimeMillis() * 1_000, MINUTE)));
    }

    /** As an operator pauses all clients for a manual failover. */
    @Test
    void aServerThatPausesItsClientsIsNotWaitedFor() {
        open(Duration.ofMillis(50), Duration.ofSeconds(1));
        server.ask("CLIENT", "PAUSE", "3000", "ALL");
        until(() -> fails(tier.get(KEY)) && !tier.isAvailable());
        assertThat(tier.get(KEY).toCompletableFuture()).isCompletedExceptionally();
        until(() -> tier.isAvailable() && !fails(tier.get(KEY)));
    }

    /** A connection without any reply is closed, and its buffers are released. */
    @Test
    void unsendableCommandsAreDroppedAndTheirMemoryReleased() {
        open(Duration.ofSeconds(20), Duration.ofMillis(200));
        line.freeze(true);
        byte[] entry = entry(500_000);

        CompletableFuture<Boolean> put = tier.put(KEY, entry, 2, MINUTE).toCompletableFuture();

        assertThat(memory.usedBytes()).isGreaterThanOrEqualTo(entry.length);
        assertThatThrownBy(() -> put.get(30, TimeUnit.SECONDS)).hasMessageContaining("no answer in time");
        line.freeze(false);
        until(() -> isKept(tier.put(KEY, entry, 3, MINUTE)));
        until(() -> memory.usedBytes() == 0);
    }
}
