package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pages that use the proxy from a browser, by the CORS protocol of the Fetch standard. */
class CorsTest extends WireTest {
    private static final String PAGE = "https://page.example";
    private static final String ALLOWED = "Access-Control-Allow-Origin";

    private void allow(String origins) throws IOException {
        restart(Map.of("REFRAIN_CORS_ORIGINS", origins));
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set(ALLOWED, "https://providers.example");
            exchange.getResponseHeaders().set("Access-Control-Allow-Credentials", "true");
            exchange.getResponseHeaders().set("Vary", "Accept-Encoding");
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
    }

    private HttpResponse<String> preflight(String origin) {
        return proxy.send(HttpRequest.newBuilder(proxy.uri(CHAT))
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization,content-type,x-openrouter-cache")
                .method("OPTIONS", BodyPublishers.noBody()));
    }

    @Test
    void withoutTheSettingTheProviderDecidesAndAHitHasNoCorsFields() throws IOException {
        provider.does((exchange, request) -> {
            exchange.getResponseHeaders().set(ALLOWED, "*");
            ScriptedProvider.json(exchange, 200, CHAT_ANSWER);
        });
        assertThat(header(preflight(PAGE), ALLOWED)).isEqualTo("*");
        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST, "Origin", PAGE);
        assertMiss(miss);
        assertThat(header(miss, ALLOWED)).isEqualTo("*");
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, "Origin", PAGE);
        assertHit(hit);
        assertThat(header(hit, ALLOWED)).isNull();
        assertThat(provider.calls()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({
        "*,https://page.example,*",
        "https://page.example,https://page.example,https://page.example",
        "'http://localhost:3000, https://page.example',https://page.example,https://page.example",
        "https://page.example,https://other.example,",
        "https://page.example,http://page.example,",
        "https://page.example,https://page.example.evil.example,",
        "https://page.example,null,"
    })
    void anOriginIsGrantedItsRequestOrNothing(String origins, String origin, String allowed) throws IOException {
        allow(origins);
        HttpResponse<String> preflight = preflight(origin);
        assertThat(preflight.statusCode()).isEqualTo(204);
        assertThat(header(preflight, ALLOWED)).isEqualTo(allowed);
        assertThat(header(preflight, "Access-Control-Allow-Methods")).isEqualTo(allowed == null ? null : "POST");
        assertThat(header(preflight, "Access-Control-Allow-Headers"))
                .isEqualTo(allowed == null ? null : "authorization,content-type,x-openrouter-cache");
        assertThat(provider.calls()).isZero();

        HttpResponse<String> miss = proxy.cached(CHAT, CHAT_REQUEST, "Origin", origin);
        HttpResponse<String> hit = proxy.cached(CHAT, CHAT_REQUEST, "Origin", origin);
        HttpResponse<String> error = proxy.send(proxy.post("/nowhere", "", "Origin", origin));
        assertMiss(miss);
        assertHit(hit);
        assertThat(error.statusCode()).isEqualTo(404);
        for (HttpResponse<String> response : List.of(miss, hit, error)) {
            assertThat(header(response, ALLOWED)).isEqualTo(allowed);
            assertThat(header(response, "Access-Control-Expose-Headers")).isEqualTo(allowed == null ? null : "*");
            assertThat(header(response, "Access-Control-Allow-Credentials")).isNull();
            if (!origins.equals("*")) {
                assertThat(response.headers().allValues("Vary")).contains("Origin");
            }
        }
    }

    @Test
    void anOrdinaryOptionsIsForwarded() throws IOException {
        allow("*");
        HttpResponse<String> response =
                proxy.send(HttpRequest.newBuilder(proxy.uri(CHAT)).method("OPTIONS", BodyPublishers.noBody()));
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(provider.calls()).isEqualTo(1);
    }
}
