package dev.refrain.http.proxy;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Wire rules W27 and W30 over real sockets: request directives, and all values of {@code Cache-Status}. */
class DirectivesWireTest extends WireTest {
    private static final String KEY = "; key=\"[0-9a-f]{12}\"";

    private HttpResponse<String> ask(String cacheControl) {
        return proxy.cached(CHAT, CHAT_REQUEST, "Cache-Control", cacheControl);
    }

    private static String standard(HttpResponse<?> response) {
        return header(response, "Cache-Status");
    }

    private void answerWith(int status) {
        provider.does(
                (exchange, request) -> ScriptedProvider.json(exchange, status, "{\"error\":{\"message\":\"no\"}}"));
    }

    private void answerWith(String text) {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER.replace("Hello", text)));
    }

    @Test
    void w27_cacheStatusHasTheKeyAndWhatTheProviderSaid() {
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertThat(standard(miss)).matches("refrain; fwd=miss; stored; fwd-status=200" + KEY);
        assertThat(standard(hit)).matches("refrain; hit; ttl=(300|299)" + KEY);
        assertThat(key(hit)).isEqualTo(key(miss)).doesNotContain("sk-test");
        assertThat(key(proxy.cached(CHAT, CHAT_STREAM_REQUEST))).isNotEqualTo(key(hit));
        answerWith(429);
        assertThat(standard(proxy.cached(CHAT, "{}"))).matches("refrain; fwd=miss; fwd-status=429" + KEY);
        assertThat(standard(proxy.cached(CHAT, "[]")))
                .isEqualTo("refrain; fwd=bypass; detail=not-a-json-object; fwd-status=429");
        provider.close();
        HttpResponse<String> unreachable = proxy.cached(CHAT, "{}");
        assertThat(unreachable.statusCode()).isEqualTo(502);
        assertThat(standard(unreachable)).matches("refrain; fwd=miss; detail=upstream-unreachable" + KEY);
    }

    private static String key(HttpResponse<?> response) {
        return standard(response).replaceFirst(".*key=", "");
    }

    @Test
    void w30_noCacheFetchesAndReplaces() {
        proxy.cached(CHAT, CHAT_REQUEST);
        answerWith(500);
        HttpResponse<String> failed = ask("no-cache");
        assertThat(failed.statusCode()).isEqualTo(500);
        assertMiss(failed);
        assertThat(standard(failed)).matches("refrain; fwd=request; fwd-status=500" + KEY);
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).body()).contains("Hello");
        answerWith("Renewed");
        assertThat(standard(ask("no-cache"))).matches("refrain; fwd=request; stored; fwd-status=200" + KEY);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        assertThat(hit.body()).contains("Renewed");
    }

    @Test
    void w30_noStoreMayHitButNeverStores() {
        HttpResponse<String> first = ask("No-Store");
        assertThat(standard(first)).matches("refrain; fwd=miss; fwd-status=200" + KEY);
        assertThat(first.body()).isEqualTo(CHAT_ANSWER);
        assertMiss(proxy.cached(CHAT, CHAT_REQUEST));
        assertHit(ask("no-store"));
        assertThat(provider.calls()).isEqualTo(2);
    }

    @Test
    void w30_maxAgeBoundsTheAgeOfAHit() {
        proxy.cached(CHAT, CHAT_REQUEST);
        assertHit(ask("foo, max-age=\"600\""));
        // If ages were compared in whole seconds, an answer of a few milliseconds would be young enough.
        answerWith("Renewed");
        // A request in the same millisecond is still a hit.
        HttpResponse<String> response = ask("max-age=0");
        while (header(response, STATUS).equals("HIT")) {
            response = ask("max-age=0");
        }
        assertMiss(response);
        assertThat(standard(response)).startsWith("refrain; fwd=request; stored");
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).body()).contains("Renewed");
    }

    @Test
    void w30_onlyIfCachedIsAnsweredWithoutACall() {
        HttpResponse<String> miss = ask("only-if-cached");
        assertThat(miss.statusCode()).isEqualTo(504);
        assertMiss(miss);
        assertThat(standard(miss)).matches("refrain; detail=only-if-cached" + KEY);
        assertThat(miss.body()).contains("\"code\":504").contains("only-if-cached");
        assertThat(header(miss, GENERATION)).startsWith("gen-");
        assertThat(proxy.cached("/v1/messages", "{}", "Cache-Control", "only-if-cached")
                        .body())
                .contains("timeout_error");
        HttpResponse<String> bypass = proxy.cached(CHAT, "[]", "Cache-Control", "only-if-cached");
        assertThat(bypass.statusCode()).isEqualTo(504);
        assertThat(provider.calls()).isZero();
        proxy.cached(CHAT, CHAT_REQUEST);
        HttpResponse<String> hit = ask("only-if-cached");
        assertHit(hit);
        assertThat(hit.statusCode()).isEqualTo(200);
    }

    @Test
    void w30_onlyIfCachedHoldsForABodyThatIsNotHeldInMemory() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_CACHEABLE_REQUEST", "1KiB"));
        String large = "{\"x\":\"" + "a".repeat(2000) + "\"}";
        HttpResponse<String> response = proxy.cached(CHAT, large, "Cache-Control", "only-if-cached");
        assertThat(response.statusCode()).isEqualTo(504);
        assertThat(provider.calls()).isZero();
    }

    @Test
    void w30_staleIfErrorAnswersWhileTheProviderFails() throws IOException {
        restart(Map.of("REFRAIN_STALE_IF_ERROR", "1m", "REFRAIN_SWEEP_INTERVAL", "50ms"));
        proxy.cached(CHAT, CHAT_REQUEST, TTL, "1");
        until(() -> ask("only-if-cached").statusCode() != 200);
        answerWith(503);
        HttpResponse<String> stale = ask("stale-if-error=30");
        assertThat(stale.statusCode()).isEqualTo(200);
        assertHit(stale);
        assertThat(stale.body()).contains("Hello").contains(header(stale, GENERATION));
        assertThat(standard(stale)).matches("refrain; hit; ttl=(0|-\\d+); fwd=stale; fwd-status=503" + KEY);
        assertThat(Long.parseLong(header(stale, AGE)) + Long.parseLong(header(stale, TTL)))
                .isEqualTo(1);
        assertThat(ask("foo").statusCode()).isEqualTo(503);
        provider.close();
        HttpResponse<String> unreachable = ask("stale-if-error=30");
        assertThat(unreachable.statusCode()).isEqualTo(200);
        assertThat(standard(unreachable)).matches("refrain; hit; ttl=(0|-\\d+); fwd=stale" + KEY);
    }

    @Test
    void w30_staleIfErrorNeedsAWindow() {
        proxy.cached(CHAT, CHAT_REQUEST, TTL, "1");
        until(() -> ask("only-if-cached").statusCode() != 200);
        answerWith(503);
        assertThat(ask("stale-if-error=30").statusCode()).isEqualTo(503);
    }

    @Test
    void w30_directivesMeanNothingWithoutCaching() {
        HttpResponse<String> response =
                proxy.send(proxy.post(CHAT, CHAT_REQUEST, "Cache-Control", "only-if-cached, no-store"));
        assertThat(response.statusCode()).isEqualTo(200);
        assertUncached(response);
        // The field reaches the provider, like any other.
        assertThat(provider.received().get(0).headers().getFirst("Cache-Control"))
                .isEqualTo("only-if-cached, no-store");
    }

    @Test
    void w30_severalLinesAreOneList() throws IOException {
        proxy.cached(CHAT, CHAT_REQUEST);
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
                    + "X-OpenRouter-Cache: true\r\nCache-Control: foo=\"a, b\"\r\ncache-control: NO-CACHE\r\n"
                    + "Content-Length: " + CHAT_REQUEST.length() + "\r\n\r\n" + CHAT_REQUEST);
            assertThat(client.readHead())
                    .contains("X-OpenRouter-Cache-Status: MISS")
                    .contains("fwd=request");
        }
    }
}
