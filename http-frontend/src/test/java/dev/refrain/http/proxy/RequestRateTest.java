package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Requests of an API key above {@code access.requests-per-second}. With these settings, the next request is allowed a
 * quarter of an hour later.
 */
class RequestRateTest extends WireTest {
    @BeforeEach
    void limit() throws IOException {
        restart(Map.of("REFRAIN_ACCESS_REQUESTS_PER_SECOND", "0.001", "REFRAIN_ACCESS_BURST", "3"));
    }

    private static void assertRefused(HttpResponse<String> response) {
        assertThat(response.statusCode()).isEqualTo(429);
        assertThat(Integer.parseInt(header(response, "Retry-After"))).isBetween(900, 1000);
        assertThat(header(response, "x-should-retry")).isNull();
        assertThat(response.body()).contains("\"type\":\"rate_limit_error\"").contains("access.requests-per-second");
    }

    /** The first is a miss, the second a hit on the long way, the third a hit through the shortcut. */
    @Test
    void missesAndHitsCountOnceEach() {
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
        assertRefused(proxy.cached(CHAT, CHAT_REQUEST));
        assertThat(proxy.stats().hits()).isEqualTo(2);
        assertThat(provider.calls()).isEqualTo(1);
    }

    /** A miss that the shortcut has looked up continues on the long way, and counts as one request. */
    @Test
    void aMissOfTheShortcutCountsOnce() {
        for (int i = 0; i < 3; i++) {
            assertMiss(proxy.cached(CHAT, "{\"model\":\"m\",\"messages\":[],\"n\":" + i + "}"));
        }
        assertRefused(proxy.cached(CHAT, CHAT_REQUEST));
        assertThat(provider.calls()).isEqualTo(3);
    }

    /** Refusals have the endpoint's format, or OpenAI's on other paths. Other keys are served. */
    @Test
    void eachKeyHasItsOwnLimitForAllPaths() {
        for (int i = 0; i < 3; i++) {
            proxy.send(HttpRequest.newBuilder(proxy.uri("/v1/models")).header("Authorization", "Bearer sk-test"));
        }
        HttpResponse<String> anthropic = proxy.send(proxy.post("/v1/messages", CHAT_REQUEST));
        assertRefused(anthropic);
        assertThat(anthropic.body()).startsWith("{\"type\":\"error\"");
        assertRefused(
                proxy.send(HttpRequest.newBuilder(proxy.uri("/v1/models")).header("Authorization", "Bearer sk-test")));
        assertRefused(proxy.cached(CHAT, CHAT_REQUEST, "Cookie", "another=1"));
        assertThat(proxy.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-other")
                        .statusCode())
                .isEqualTo(200);
    }

    @Test
    void withoutTheSettingNothingIsCounted() throws IOException {
        restart(Map.of());
        for (int i = 0; i < 50; i++) {
            assertThat(proxy.cached(CHAT, CHAT_REQUEST).statusCode()).isEqualTo(200);
        }
    }
}
