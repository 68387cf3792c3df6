package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Hits that do not pass through Undertow: requests on a connection that repeat a head which was served before. */
class ShortcutTest extends WireTest {
    private static final String HEAD =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-one\r\n"
                    + "X-OpenRouter-Cache: true\r\n";

    @BeforeEach
    void echo() {
        provider.does((exchange, request) -> ScriptedProvider.json(
                exchange, 200, "{\"choices\":[{\"finish_reason\":\"stop\"}],\"echo\":" + request.body() + "}"));
    }

    private static String request(String head, String body) {
        return head + "Content-Length: " + body.length() + "\r\nContent-Type: application/json\r\n\r\n" + body;
    }

    private static String ask(RawClient client, String request) throws IOException {
        client.send(request);
        return client.readResponse();
    }

    /** A client whose next request may take the shortcut; the answer to the body is stored. */
    private RawClient known(String body) throws IOException {
        RawClient client = new RawClient(proxy.port());
        assertThat(ask(client, request(HEAD, body))).contains("MISS");
        return client;
    }

    /** Whether the shortcut wrote this response: the two ways write fields in different orders. */
    static boolean isShort(String response) {
        return response.contains("Connection: keep-alive\r\nContent-Type:")
                && response.matches("(?s).*\r\nDate: [^\r]*\r\n\r\n.*");
    }

    /** The header fields, without those that differ each time, and the body. */
    private static Set<String> fields(String response) {
        return new TreeSet<>(List.of(response.substring(0, response.indexOf("\r\n\r\n"))
                .replaceAll("gen-\\d+-\\w{20}", "gen")
                .replaceAll("Date: [^\r]*", "Date")
                .split("\r\n")));
    }

    @ParameterizedTest
    @ValueSource(strings = {CHAT_REQUEST, CHAT_STREAM_REQUEST})
    void aHitLooksTheSameOnBothWays(String body) throws IOException {
        if (body.contains("stream")) {
            provider.does((exchange, request) -> ScriptedProvider.stream(exchange, CHAT_STREAM));
        }
        try (RawClient client = known(body);
                RawClient other = new RawClient(proxy.port())) {
            if (body.contains("stream")) {
                client.readUntil("[DONE]\n\n\r\n0\r\n\r\n");
            }
            String direct = ask(client, request(HEAD, body));
            String through = ask(other, request(HEAD, body));
            assertThat(isShort(direct)).isTrue();
            assertThat(isShort(through)).isFalse();
            assertThat(fields(direct)).isEqualTo(fields(through));
            assertThat(direct.length()).isEqualTo(through.length());
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void theLengthMayDiffer() throws IOException {
        try (RawClient client = known("{\"n\":1}")) {
            assertThat(ask(client, request(HEAD, "{\"n\": 12345}"))).contains("MISS");
            for (String body : new String[] {"{\"n\":1}", "{\"n\":12345}", "{ \"n\" : 1 }"}) {
                String answer = ask(client, request(HEAD, body));
                assertThat(answer).contains("HIT");
                assertThat(isShort(answer)).isTrue();
            }
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"sk-two", "sk-on", "sk-onee", "sk-One"})
    void anotherKeyHasOtherAnswers(String key) throws IOException {
        try (RawClient client = known("{\"n\":1}")) {
            assertThat(ask(client, request(HEAD.replace("sk-one", key), "{\"n\":1}")))
                    .contains("MISS");
            assertThat(ask(client, request(HEAD, "{\"n\":1}"))).contains("HIT");
        }
        assertThat(provider.calls()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Cache-Control: no-cache", "X-OpenRouter-Cache-Clear: true", "Transfer-Encoding: chunked"})
    void requestsThatNeedMoreThanTheStoreTakeTheLongWay(String field) throws IOException {
        String head = HEAD + field + "\r\n";
        boolean chunked = field.endsWith("chunked");
        String body = "{\"n\":1}";
        String request = chunked ? head + "\r\n7\r\n" + body + "\r\n0\r\n\r\n" : request(head, body);
        try (RawClient client = new RawClient(proxy.port())) {
            for (int i = 0; i < 3; i++) {
                assertThat(isShort(ask(client, request))).isFalse();
            }
        }
        assertThat(provider.calls()).isEqualTo(chunked ? 1 : 3);
    }

    @Test
    void aConnectionEndsWhenItIsAskedTo() throws IOException {
        try (RawClient client = known("{\"n\":1}")) {
            client.send(request(HEAD + "Connection: close\r\n", "{\"n\":1}"));
            assertThat(client.readAll()).contains("HIT").contains("Connection: close");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"Host: a b", "Host: 1.2.3.4:99999", "Host: x\r\nHost: x", "Host: [::1", "X-Host: x"})
    void aWrongHostIsRefused(String host) throws IOException {
        try (RawClient client = known("{\"n\":1}")) {
            client.send(request(HEAD.replace("Host: x", host), "{\"n\":1}"));
            assertThat(client.readHead()).startsWith("HTTP/1.1 400");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 30, 100, 150, 154, 158})
    void aRequestMayComeInPieces(int first) throws IOException {
        try (RawClient client = known("{\"n\":1}")) {
            String request = request(HEAD, "{\"n\":1}");
            for (int i = 0; i < 3; i++) {
                client.send(request.substring(0, first));
                assertThat(client.hearsWithin(20)).isFalse();
                client.send(request.substring(first));
                assertThat(client.readResponse()).contains("HIT");
                assertThat(isShort(ask(client, request))).isTrue();
            }
        }
    }

    @Test
    void requestsSentAheadAreAnsweredInTheirOrder() throws IOException {
        try (RawClient client = known("{\"n\":1}")) {
            String one = request(HEAD, "{\"n\":1}");
            String two = request(HEAD, "{\"n\":2}");
            client.send(one + two + one + two);
            assertThat(client.readResponse()).contains("HIT").contains("\"n\":1");
            assertThat(client.readResponse()).contains("MISS").contains("\"n\":2");
            assertThat(client.readResponse()).contains("HIT").contains("\"n\":1");
            assertThat(client.readResponse()).contains("HIT").contains("\"n\":2");
            assertThat(isShort(ask(client, two))).isTrue();
        }
    }

    /** Bytes that look like a known request are part of a head that has already begun. */
    @Test
    void aHeadThatHasBegunGoesOn() throws IOException {
        try (RawClient client = known("{\"n\":1}")) {
            String request = request(HEAD, "{\"n\":1}");
            assertThat(ask(client, request + "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Long: "))
                    .contains("HIT");
            client.send(request);
            // The request has two Host fields.
            assertThat(client.readHead()).startsWith("HTTP/1.1 400");
        }
    }

    /** Lengths that are repeated, or not in plain digits: another server might read another length. */
    @ParameterizedTest
    @ValueSource(strings = {"Content-Length: 07", "Content-Length: +7", "Content-Length: 7\r\nContent-Length: 7"})
    void unusualLengthsTakeTheLongWay(String length) throws IOException {
        String odd = HEAD + length + "\r\nContent-Type: application/json\r\n\r\n{\"n\":1}";
        try (RawClient client = known("{\"n\":1}")) {
            client.send(odd);
            String first = client.readHead();
            assertThat(isShort(first + "\r\n")).isFalse();
        }
    }

    @Test
    void aHitThatIsReadSlowlyIsWhole() throws IOException {
        String answer = CHAT_ANSWER.replace("Hello", "x".repeat(6_000_000));
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        try (RawClient client = RawClient.slow(proxy.port())) {
            String request = request(HEAD, CHAT_REQUEST);
            assertThat(ask(client, request)).contains("MISS").endsWith("}");
            for (int i = 0; i < 2; i++) {
                client.send(request);
                client.send(request);
                for (int j = 0; j < 2; j++) {
                    String hit = client.readResponse();
                    assertThat(hit).contains("HIT").endsWith("}}}").contains("x".repeat(6_000_000));
                }
            }
        }
        assertThat(proxy.activity(5).stats().requests().hit()).isEqualTo(4);
    }

    @Test
    void aClientThatReadsNothingIsCut() throws Exception {
        restart(Map.of("REFRAIN_TIMEOUTS_WRITE", "1500ms"));
        String answer = CHAT_ANSWER.replace("Hello", "x".repeat(14_000_000));
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, answer));
        try (RawClient client = RawClient.slow(proxy.port())) {
            String request = request(HEAD, CHAT_REQUEST);
            assertThat(ask(client, request)).contains("MISS").endsWith("}");
            client.send(request);
            client.readHead();
            // The client reads nothing more, so only the time limit lets the proxy close.
            proxy.close();
            assertThat(client.readToTheEnd()).endsWith("(reset)");
        }
    }

    @Test
    void everyHitIsInTheLog() throws IOException {
        try (RawClient client = known("{\"model\":\"acme/large\",\"n\":1}")) {
            String last = "";
            for (int i = 0; i < 5; i++) {
                last = ask(client, request(HEAD, "{\"model\":\"acme/large\",\"n\":1}"));
            }
            String id = last.replaceAll("(?s).*X-Generation-Id: (\\S+).*", "$1");
            assertThat(proxy.activity(6).find(id)).get().satisfies(activity -> {
                assertThat(activity.status()).isEqualTo(200);
                assertThat(activity.model()).isEqualTo("acme/large");
                assertThat(activity.endpoint()).isEqualTo(Endpoint.CHAT);
            });
        }
        assertThat(proxy.activity().stats().requests().hit()).isEqualTo(5);
        assertThat(proxy.stats().hits()).isEqualTo(5);
        assertThat(proxy.stats().misses()).isEqualTo(1);
    }

    @Test
    void withPresetsEveryBodyIsParsed() throws IOException {
        Path file = folder.resolve("presets.yaml");
        Files.writeString(file, "presets:\n  - slug: never\n    cache_enabled: false\n");
        restart(Map.of(), "--config", file.toString());
        try (RawClient client = known("{\"n\":1}")) {
            assertThat(isShort(ask(client, request(HEAD, "{\"n\":1}")))).isFalse();
        }
    }
}
