package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.CapturedLog;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which requests are served if {@code access.keys} is set. */
class AccessTest extends WireTest {
    private static String sha256(String key) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(digest.digest(key.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @BeforeEach
    void allow() throws IOException {
        restart(Map.of("REFRAIN_ACCESS_KEYS", sha256("sk-test") + ", " + sha256("sk-other")));
    }

    private HttpResponse<String> post(String path, String... headers) {
        HttpRequest.Builder request = ProxyUnderTest.anonymous(proxy.post(path, CHAT_REQUEST));
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return proxy.send(request);
    }

    @Test
    void anAllowedKeyIsServedWhereverItStands() {
        for (String[] headers : new String[][] {
            {"Authorization", "Bearer sk-test"},
            {"x-api-key", "sk-other"},
            {"api-key", "sk-test"},
            {"Authorization", "Bearer sk-test", "x-api-key", "sk-other", "Cookie", "session=1"}
        }) {
            assertThat(post(CHAT, headers).statusCode()).as(headers[0]).isEqualTo(200);
        }
    }

    @Test
    void otherKeysAreRefusedAndTheProviderHearsNothing() {
        for (String[] headers : new String[][] {
            {},
            {"Authorization", "Bearer sk-stranger"},
            {"Authorization", "Bearer " + sha256("sk-test")},
            {"Authorization", "Basic sk-test"},
            {"Cookie", "sk-test"},
            // One allowed key is not enough: the stranger's key in the other field would reach the provider.
            {"Authorization", "Bearer sk-test", "x-api-key", "sk-stranger"}
        }) {
            for (String path : new String[] {CHAT, "/v1/messages", "/v1/rerank", "/v1/generation?id=gen-1"}) {
                HttpResponse<String> refused = post(path, headers);
                assertThat(refused.statusCode()).as(path).isEqualTo(401);
                assertThat(header(refused, "WWW-Authenticate")).isEqualTo("Bearer");
                assertThat(header(refused, "x-should-retry")).isEqualTo("false");
                assertThat(refused.body()).contains("access.keys").doesNotContain("sk-");
            }
        }
        assertThat(provider.calls()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"/v1/messages, authentication_error", "/v1/chat/completions, invalid_request_error"})
    void theAnswerHasTheEndpointsShape(String path, String type) {
        assertThat(post(path).body()).contains("\"type\":\"" + type + "\"");
    }

    /** A hit for an allowed key must not answer other keys on the same connection. */
    @Test
    void hitsAreForAllowedKeysOnly() throws IOException {
        for (int i = 0; i < 5; i++) {
            proxy.cached(CHAT, CHAT_REQUEST);
        }
        String request = "POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                + CHAT_REQUEST.length() + "\r\nAuthorization: Bearer KEY\r\n\r\n" + CHAT_REQUEST;
        try (RawClient client = new RawClient(proxy.port())) {
            for (int i = 0; i < 5; i++) {
                client.send(request.replace("KEY", "sk-test"));
                assertThat(client.readResponse()).contains("Status: HIT");
            }
            client.send(request.replace("KEY", "sk-teST"));
            assertThat(client.readResponse()).startsWith("HTTP/1.1 401 ");
        }
    }

    @Test
    void withoutAccessKeysAnOpenAddressIsLogged() throws IOException {
        proxy.close();
        try (CapturedLog log = new CapturedLog(Entrances.class.getName())) {
            proxy = startProxy(Map.of());
            assertThat(log.lines()).isEmpty();
            proxy.close();
            proxy = startProxy(Map.of("REFRAIN_ACCESS_KEYS", sha256("sk-test")), "--host", "0.0.0.0");
            assertThat(log.lines()).hasSize(Wire.TLS ? 0 : 1).noneMatch(line -> line.contains("access.keys"));
            proxy.close();
            proxy = startProxy(Map.of(), "--host", "0.0.0.0");
            assertThat(log.lines())
                    .filteredOn(line -> line.contains("is open to the network. Whoever reaches it can use it"))
                    .hasSize(1);
        }
    }

    @Test
    void aKeyInPlaceOfItsDigestIsRefused() {
        assertThatThrownBy(() -> startProxy(Map.of("REFRAIN_ACCESS_KEYS", "sk-test")))
                .hasMessageContaining("SHA-256")
                .hasMessageNotContaining("sk-test");
    }
}
