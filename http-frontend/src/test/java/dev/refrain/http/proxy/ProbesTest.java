package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Map;
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
    void aProcessWithoutAStoreIsAliveAndNotReady() throws IOException {
        proxy.close();
        proxy = new RunningProxy(folder, provider.base(), Map.of("REFRAIN_PROBES", "true"));
        assertThat(get("/healthz").statusCode()).isEqualTo(200);
        HttpResponse<String> ready = get("/readyz");
        assertThat(ready.statusCode()).isEqualTo(503);
        assertThat(ready.body()).contains("nothing is cached");
    }
}
