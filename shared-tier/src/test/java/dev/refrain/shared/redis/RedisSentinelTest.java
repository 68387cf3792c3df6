package dev.refrain.shared.redis;

import static dev.refrain.testing.Await.until;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.testing.RedisSentinels;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A failover that three Sentinels decide, which takes some seconds. */
class RedisSentinelTest {
    private static final long MINUTE = 60_000;
    private static final byte[] KEY = new byte[SharedTier.KEY_LENGTH];
    private static final byte[] ENTRY = {1, 2, 3};

    @TempDir
    Path folder;

    private static <T> T of(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            return null;
        }
    }

    @Test
    void theNewMasterIsFoundAfterAFailover() {
        try (RedisSentinels servers = new RedisSentinels(folder);
                RedisTier tier =
                        RedisTier.open(RedisTierSettings.of(servers.uri()).withTimeout(Duration.ofSeconds(5)));
                RedisTier other =
                        RedisTier.open(RedisTierSettings.of(servers.uri()).withTimeout(Duration.ofSeconds(5)))) {
            until(() -> Boolean.TRUE.equals(of(tier.put(KEY, ENTRY, 1, MINUTE))));
            until(() -> servers.second().ask("DBSIZE").equals(":1"));

            servers.first().kill();

            until(() -> !tier.isAvailable());
            until(() -> {
                SharedTier.Found found = of(tier.get(KEY));
                return found != null && found.entry() != null;
            });
            until(() -> {
                SharedTier.Found now = of(tier.get(KEY));
                return now != null && Boolean.TRUE.equals(of(tier.put(KEY, new byte[] {4}, now.micros(), MINUTE)));
            });
            until(() -> {
                SharedTier.Found found = of(other.get(KEY));
                return found != null && found.entry() != null && found.entry()[0] == 4;
            });
        }
    }
}
