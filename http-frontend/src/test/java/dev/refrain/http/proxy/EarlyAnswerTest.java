package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Answers that Refrain gives without reading the body. The framing is still checked first, and a request hidden in a
 * body is never served (fault F24).
 */
class EarlyAnswerTest extends WireTest {
    /** A request that an attacker hides in a body, to have it served. */
    private static final String HIDDEN = "GET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n";

    private static final String PREFLIGHT = "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
            + "Origin: https://page.example\r\nAccess-Control-Request-Method: POST\r\n";
    private static final String NOWHERE = "POST /nowhere HTTP/1.1\r\nHost: x\r\n";

    /** Bodies whose end is ambiguous. */
    private static final List<String> DOUBTFUL = List.of(
            "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + HIDDEN,
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}junk\r\n0\r\n\r\n" + HIDDEN,
            "Transfer-Encoding: chunked\r\n\r\n2 2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nno colon\r\n\r\n" + HIDDEN,
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\n" + HIDDEN,
            "Content-Length: 18446744073709551616\r\n\r\n" + HIDDEN,
            "Content-Length: 18446744073709551617\r\n\r\nx" + HIDDEN,
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
            "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + HIDDEN,
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN);

    private String answers(int port, String bytes) throws IOException {
        try (RawClient client = port == proxy.port() ? new RawClient(port) : RawClient.ofAdmin(port)) {
            client.send(bytes);
            return client.readToTheEnd();
        }
    }

    private void assertRefused(int port, String request) throws IOException {
        assertThat(answers(port, request))
                .as(request)
                .matches("(?s)HTTP/1\\.1 (400|501) .*")
                .satisfies(
                        all -> assertThat(all.split("HTTP/1\\.[01] [0-9]", -1)).hasSize(2));
        assertThat(provider.calls()).as(request).isZero();
    }

    @Test
    void f24_theFramingOfAPreflightIsCheckedFirst() throws IOException {
        restart(Map.of("REFRAIN_CORS_ORIGINS", "*"));
        for (String body : DOUBTFUL) {
            assertRefused(proxy.port(), PREFLIGHT + body);
        }
        // A page of another site may read the reason.
        assertThat(answers(proxy.port(), PREFLIGHT + DOUBTFUL.get(0))).contains("Access-Control-Allow-Origin: *");
        assertThat(answers(proxy.port(), PREFLIGHT + DOUBTFUL.get(5))).contains("Access-Control-Allow-Origin: *");
    }

    @Test
    void f24_aRequestHiddenInAPreflightsBodyIsNotServed() throws IOException {
        restart(Map.of("REFRAIN_CORS_ORIGINS", "*"));
        String close = "GET /none HTTP/1.0\r\n\r\n";
        for (String body : List.of(
                "Content-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(HIDDEN.length()) + "\r\n" + HIDDEN
                        + "\r\n0\r\n\r\n")) {
            assertThat(answers(proxy.port(), PREFLIGHT + body + close))
                    .as(body)
                    .matches("(?s)HTTP/1\\.1 204 .*HTTP/1\\.[01] 404 .*");
        }
        // Browsers send no preflight with a long body, or with an expectation of 100.
        assertThat(answers(proxy.port(), PREFLIGHT + "Content-Length: 70000\r\n\r\n" + "x".repeat(70_000) + HIDDEN))
                .startsWith("HTTP/1.1 413")
                .containsOnlyOnce("HTTP/1.1");
        assertThat(answers(
                        proxy.port(),
                        PREFLIGHT + "Expect: 100-continue\r\nContent-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN))
                .doesNotContain("HTTP/1.1 200");
        assertThat(provider.calls()).isZero();
    }

    @Test
    void f24_aPreflightWhoseBodyDoesNotComeIsNotWaitedForForever() throws IOException {
        restart(Map.of("REFRAIN_CORS_ORIGINS", "*", "REFRAIN_TIMEOUTS_REQUEST", "200ms"));
        assertThat(answers(proxy.port(), PREFLIGHT + "Content-Length: 10\r\n\r\n"))
                .startsWith("HTTP/1.1 408");
        assertThat(answers(proxy.port(), PREFLIGHT + "Transfer-Encoding: chunked\r\n\r\n"))
                .startsWith("HTTP/1.1 408");
    }

    @Test
    void f24_aConnectionWithNothingButPreflightsIsClosedWhenIdle() throws IOException {
        restart(Map.of("REFRAIN_CORS_ORIGINS", "*", "REFRAIN_TIMEOUTS_KEEP_ALIVE", "300ms"));
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(PREFLIGHT + "\r\n");
            assertThat(client.readHead()).startsWith("HTTP/1.1 204");
            assertThat(client.readToTheEnd()).isEmpty();
        }
    }

    @Test
    void f24_theFramingOfARequestWithoutEndpointIsCheckedFirst() throws IOException {
        for (String body : DOUBTFUL) {
            assertRefused(proxy.port(), NOWHERE + body);
        }
        for (String body : List.of(
                "Content-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(HIDDEN.length()) + "\r\n" + HIDDEN
                        + "\r\n0\r\n\r\n")) {
            assertThat(answers(proxy.port(), NOWHERE + body + "GET /none HTTP/1.0\r\n\r\n"))
                    .matches("(?s)HTTP/1\\.1 404 .*HTTP/1\\.[01] 404 .*");
        }
        assertThat(provider.calls()).isZero();
    }

    @Test
    void f24_anExpectationThatIsNotMetEndsTheConnection() throws IOException {
        for (String body : List.of("", HIDDEN)) {
            assertThat(answers(
                            proxy.port(),
                            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: "
                                    + HIDDEN.length() + "\r\n\r\n" + body))
                    .startsWith("HTTP/1.1 417")
                    .containsIgnoringCase("Connection: close")
                    .containsOnlyOnce("HTTP/1.1");
        }
        try (RawClient late = new RawClient(proxy.port())) {
            late.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 100\r\n\r\n");
            assertThat(late.readResponse()).startsWith("HTTP/1.1 417");
            late.send(HIDDEN);
            assertThat(late.readToTheEnd()).doesNotContain("HTTP/1.1");
        } catch (IOException closed) {
            // Expected: the connection has ended.
        }
        assertThat(provider.calls()).isZero();
    }

    @Test
    void f24_a413EndsTheConnectionIfTheBodysEndIsAmbiguous() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_REQUEST_BODY", "10B"));
        String chat = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n";
        assertThat(answers(
                        proxy.port(),
                        chat + "Content-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN
                                + "GET /none HTTP/1.0\r\n\r\n"))
                .matches("(?s)HTTP/1\\.1 413 .*HTTP/1\\.[01] 404 .*");
        for (String cached : List.of("", "X-OpenRouter-Cache: true\r\n")) {
            assertThat(answers(
                            proxy.port(),
                            chat + cached + "Transfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\nzz\r\n"
                                    + HIDDEN))
                    .matches("(?s)HTTP/1\\.1 (413|400) .*")
                    .containsOnlyOnce("HTTP/1.1 ");
        }
        assertThat(provider.calls()).isZero();
    }

    @Test
    void f24_theAdminListenerChecksFramingFirst() throws IOException {
        int admin = proxy.admin("/").getPort();
        String hidden = "DELETE /admin/api/entries HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Refrain-Admin: 1\r\n\r\n";
        for (String path : List.of("login", "nothing", "explain", "stats")) {
            for (String ours : List.of("X-Refrain-Admin: 1\r\n", "")) {
                String request = "POST /admin/api/" + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + ours;
                for (String body : DOUBTFUL) {
                    assertThat(answers(admin, request + body.replace(HIDDEN, hidden)))
                            .as(request + body)
                            .matches("(?s)HTTP/1\\.1 (4..|501) .*")
                            .satisfies(all -> assertThat(all.split("HTTP/1\\.[01] [0-9]", -1))
                                    .hasSize(2));
                }
            }
        }
        String body = "{\"endpoint\":\"chat\",\"body\":{}}";
        assertThat(answers(
                        admin,
                        "POST /admin/api/explain HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Refrain-Admin: 1\r\nConnection: "
                                + "close\r\n"
                                + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(body.length()) + "\r\n"
                                + body + "\r\n0\r\n\r\n"))
                .startsWith("HTTP/1.1 200");
    }
}
