package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import java.io.IOException;
import java.lang.reflect.Field;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.channels.Selector;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** {@code /healthz} and {@code /readyz} on the proxy's port. */
class ProbesTest extends WireTest {
    private HttpResponse<String> get(String path) {
        return proxy.send(HttpRequest.newBuilder(proxy.uri(path)));
    }

    @Test
    void withoutTheSettingTheyAreOrdinaryPaths() {
        assertThat(get("/healthz").statusCode()).isEqualTo(404);
        assertThat(get("/readyz").statusCode()).isEqualTo(404);
        assertThat(get("/v1/healthz").statusCode()).isEqualTo(200);
        assertThat(provider.received().get(0).uri()).isEqualTo("/api/v1/healthz");
    }

    @Test
    void theyNeedNoKeyAndOtherPathsDo() throws IOException {
        restart(Map.of(
                "REFRAIN_PROBES", "true", "REFRAIN_ACCESS_KEYS", "0".repeat(64), "REFRAIN_CORS_ORIGINS", "https://a"));
        for (int i = 0; i < 3; i++) {
            assertThat(get("/healthz").body()).isEqualTo("ok\n");
            assertThat(get("/readyz").body()).isEqualTo("ready\n");
        }
        assertThat(get("/v1/healthz").statusCode()).isEqualTo(401);
        assertThat(get("/healthz/").statusCode()).isEqualTo(401);
        HttpResponse<String> head =
                proxy.send(HttpRequest.newBuilder(proxy.uri("/readyz")).method("HEAD", BodyPublishers.noBody()));
        assertThat(head.statusCode()).isEqualTo(200);
        assertThat(head.body()).isEmpty();
        assertThat(proxy.send(HttpRequest.newBuilder(proxy.uri("/healthz")).POST(BodyPublishers.ofString("x")))
                        .statusCode())
                .isEqualTo(405);
        assertThat(provider.calls()).isZero();
    }

    @Test
    void aProcessThatHasLostAThreadIsNotAlive() throws Exception {
        AtomicReference<Thread> serving = new AtomicReference<>();
        Steps steps = new Steps() {
            @Override
            Optional<CacheKey> key(ResponseCache cache, CacheRequest request) {
                serving.set(Thread.currentThread());
                return super.key(cache, request);
            }
        };
        proxy.close();
        proxy = new RunningProxy(steps, folder.resolve("answers.refrain"), provider.base(), Map.of());
        proxy.send(proxy.post(CHAT, CHAT_REQUEST, "X-OpenRouter-Cache", "true"));
        assertThat(admin("/healthz").body()).isEqualTo("ok\n");
        assertThat(admin("/readyz").body()).isEqualTo("ready\n");

        // XNIO catches exceptions of its tasks, but not those that it meets itself between two tasks.
        Field selector = serving.get().getClass().getDeclaredField("selector");
        selector.setAccessible(true);
        ((Selector) selector.get(serving.get())).close();
        serving.get().join(20_000);

        for (String path : List.of("/healthz", "/readyz")) {
            HttpResponse<String> dead = admin(path);
            assertThat(dead.statusCode()).as(path).isEqualTo(503);
            assertThat(dead.body()).contains("Restart Refrain");
        }
    }

    private HttpResponse<String> admin(String path) {
        return proxy.send(HttpRequest.newBuilder(proxy.admin(path)));
    }

    @Test
    void aProcessWithoutAStoreIsAliveAndNotReady() throws IOException {
        proxy.close();
        proxy = new RunningProxy(folder, provider.base(), Map.of("REFRAIN_PROBES", "true"));
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
        HttpResponse<String> ready = get("/readyz");
        assertThat(ready.statusCode()).isEqualTo(503);
        assertThat(ready.body()).contains("nothing is cached");
    }
}
