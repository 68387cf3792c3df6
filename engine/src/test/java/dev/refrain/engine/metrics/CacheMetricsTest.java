package dev.refrain.engine.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheMetricsTest {
    private static final String ANSWER = "{\"id\":\"a\",\"created\":1,\"choices\":[{\"finish_reason\":\"stop\"}],"
            + "\"usage\":{\"prompt_tokens\":9,\"total_tokens\":21}}";

    @Test
    void showsWhatTheCacheCounts(@TempDir Path folder) throws Exception {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        try (ResponseCache cache = ResponseCache.open(folder.resolve("answers.refrain"), 16 << 20)) {
            CacheKey key = cache.key(CacheRequest.of(Endpoint.CHAT, "k", utf8("{\"model\":\"m\"}")))
                    .orElseThrow();
            CachedResponse hit = new CachedResponse();
            cache.lookup(key, hit);
            cache.store(key, "application/json", utf8(ANSWER), Duration.ofMinutes(1));
            cache.lookup(key, hit);
            cache.lookup(key, hit);

            new CacheMetrics(cache).bindTo(registry);
            // The binder is unreachable; the meters must survive it.
            System.gc();

            assertThat(registry.get("refrain.cache.lookups")
                            .tags("endpoint", "chat", "result", "hit")
                            .functionCounter()
                            .count())
                    .isEqualTo(2);
            assertThat(registry.get("refrain.cache.lookups")
                            .tags("endpoint", "chat", "result", "miss")
                            .functionCounter()
                            .count())
                    .isEqualTo(1);
            assertThat(registry.get("refrain.cache.stores").functionCounter().count())
                    .isEqualTo(1);
            assertThat(registry.get("refrain.cache.saved.tokens")
                            .functionCounter()
                            .count())
                    .isEqualTo(42);
            assertThat(registry.get("refrain.store.entries").gauge().value()).isEqualTo(1);
            assertThat(registry.get("refrain.store.capacity").gauge().value()).isEqualTo(16 << 20);
            assertThat(registry.get("refrain.cache.flights").gauge().value()).isZero();
            assertThat(registry.getMeters())
                    .extracting(Meter::getId)
                    .allSatisfy(id -> assertThat(id.getDescription()).isNotBlank());
        }
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
