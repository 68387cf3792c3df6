package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.spi.NoStore;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The heap that a request retains, for components that keep requests and count their bytes. */
class HeldBytesTest {
    @Test
    void f16_whateverAClientMayMakeLongIsCounted() throws Exception {
        byte[] body = "{\"a\":1}".getBytes(StandardCharsets.UTF_8);
        try (ResponseCache cache =
                ResponseCache.builder(Path.of("unused")).store(new NoStore()).open()) {
            KeyContext context = cache.pipeline()
                    .context(Endpoint.CHAT, cache.pipeline().scope("k"))
                    .target("d".repeat(15_000))
                    .header("anthropic-beta", "b".repeat(10_000))
                    .build();
            CacheRequest request = CacheRequest.of(context, body);
            // The deployment is kept as a string; deployment and header are also in the bytes that the key begins with.
            assertThat(request.heldBytes()).isBetween(2 * 15_000L + 15_000 + 10_000, 60_000L);
            assertThat(request.withPreset("p", new byte[20_000]).heldBytes()).isGreaterThan(75_000L);
        }
        assertThat(CacheRequest.of(Endpoint.CHAT, "k".repeat(5_000), body).heldBytes())
                .isGreaterThan(10_000L);
        assertThat(CacheRequest.of(Endpoint.CHAT, "k", new byte[5_000]).heldBytes())
                .isBetween(5_000L, 6_000L);
    }
}
