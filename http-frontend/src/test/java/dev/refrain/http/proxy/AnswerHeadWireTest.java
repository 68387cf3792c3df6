package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Statuses, header fields and framings of a provider's answers (wire rules W2, W16 and W23). */
class AnswerHeadWireTest extends ProviderFaults {
    private static final String JSON = "Content-Type: application/json";
    private static final String CLOSE = "Connection: close";
    private static final String DOCUMENT = Api.CHAT.document;

    @ParameterizedTest
    @ValueSource(
            ints = {
                202, 203, 206, 226, 300, 301, 302, 303, 307, 308, 401, 402, 403, 407, 409, 417, 421, 425, 426, 429, 451,
                499, 500, 502, 503, 504, 511, 529, 599, 600, 999
            })
    void w16_anyOtherStatusIsPassedOnWithItsFieldsAndNotStored(int status) {
        String[] fields = {
            JSON,
            length(DOCUMENT),
            CLOSE,
            "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT",
            "x-ratelimit-remaining-requests: 0",
            "X-RateLimit-Reset: 1700000000000",
            "anthropic-ratelimit-tokens-reset: 2026-01-01T00:00:00Z",
            "x-should-retry: true",
            "request-id: req_1",
            "WWW-Authenticate: Bearer realm=\"x\"",
            "Location: https://elsewhere.example/v1?a=b#c",
            "Set-Cookie: a=1",
            "Set-Cookie: b=2"
        };
        provider.does(call -> call.write(head(status + " Whatever", fields) + DOCUMENT));
        for (boolean streaming : new boolean[] {false, true}) {
            String request = newRequest(streaming);
            Received answer = fetch(Api.CHAT, request);
            assertThat(answer.status()).as(answer.body()).isEqualTo(status);
            assertThat(answer.body()).isEqualTo(DOCUMENT);
            assertThat(answer.cut()).isFalse();
            for (String field : fields) {
                String name = field.substring(0, field.indexOf(':'));
                if (!name.equals("Connection")) {
                    assertThat(answer.headers().allValues(name)).contains(field.substring(name.length() + 2));
                }
            }
            assertThat(answer.headers().allValues("Set-Cookie")).containsExactly("a=1", "b=2");
            assertThat(answer.header(WireTest.STATUS)).isEqualTo("MISS");
            assertThat(answer.header("Cache-Status")).contains("fwd=miss").doesNotContain("stored");
            int before = provider.calls();
            assertThat(fetch(Api.CHAT, request).status()).isEqualTo(status);
            assertThat(provider.calls()).isEqualTo(before + 1);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 204 No Content\r\n\r\n",
                "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 30\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
                "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
            })
    void w16_anAnswerWithoutBodyIsPassedOnAndNotStored(String bytes) {
        provider.does(call -> call.write(bytes));
        for (Api api : Api.values()) {
            boolean streaming = api == Api.MESSAGES;
            String request = newRequest(streaming);
            Received answer = fetch(api, request);
            assertThat(answer.status()).as(answer.body()).isEqualTo(Integer.parseInt(bytes.substring(9, 12)));
            assertThat(answer.body()).isEmpty();
            assertThat(answer.cut()).isFalse();
            assertThat(answer.header(WireTest.GENERATION)).startsWith("gen-");
            assertThat(fetch(api, request).header(WireTest.STATUS)).isEqualTo("MISS");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "HTTP/1.1 100 Continue\r\n\r\n",
                "HTTP/1.1 102 Processing\r\n\r\n",
                "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nX-Early: 1\r\n\r\n",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: "
                        + "1\r\n\r\n",
                "HTTP/1.1 199 Whatever\r\n\r\n"
            })
    void w23_interimResponsesAreNoPartOfTheAnswer(String interim) {
        for (Api api : Api.values()) {
            for (boolean streaming : new boolean[] {false, api.stream != null}) {
                provider.does(call -> {
                    call.write(interim);
                    answersWell(api, streaming).answer(call);
                });
                String request = newRequest(streaming);
                Received miss = fetch(api, request);
                assertThat(miss.status()).isEqualTo(200);
                assertThat(miss.body()).isEqualTo(api.goodAnswer(streaming));
                assertThat(miss.header("X-Early")).isNull();
                assertThat(fetch(api, request).header(WireTest.STATUS)).isEqualTo("HIT");
            }
        }
    }

    /** Unusual endings whose meaning is clear. */
    @ParameterizedTest
    @MethodSource("framings")
    void w23_aBodyMayEndInAnyUnambiguousWay(String name, String answer) {
        provider.does(call -> call.write(answer));
        String request = newRequest(false);
        Received miss = fetch(Api.CHAT, request);
        assertThat(miss.status()).isEqualTo(200);
        assertThat(miss.body()).isEqualTo(DOCUMENT);
        assertThat(miss.cut()).isFalse();
        assertThat(fetch(Api.CHAT, request).header(WireTest.STATUS)).isEqualTo("HIT");
    }

    static Stream<Arguments> framings() {
        String head = "HTTP/1.1 200 OK\r\n" + JSON + "\r\n";
        String length = "Content-Length: " + DOCUMENT.length() + "\r\n";
        String chunks = Integer.toHexString(DOCUMENT.length()) + "%s\r\n" + DOCUMENT + "\r\n0%s\r\n%s\r\n";
        String chunked = head + "Transfer-Encoding: Chunked\r\n\r\n";
        return Stream.of(
                Arguments.of("HTTP/1.0 until it closes", head.replace("1.1", "1.0") + "\r\n" + DOCUMENT),
                Arguments.of("HTTP/1.0 with a length", head.replace("1.1", "1.0") + length + "\r\n" + DOCUMENT),
                Arguments.of("HTTP/1.1 until it closes", head + "\r\n" + DOCUMENT),
                Arguments.of("the same length twice", head + length + length + "\r\n" + DOCUMENT),
                Arguments.of("longer than its length", head + length + "\r\n" + DOCUMENT + "{}"),
                Arguments.of("chunks with extensions", chunked + chunks.formatted(";a=b", " ; c", "")),
                Arguments.of("trailers", chunked + chunks.formatted("", "", "X-Sum: 1\r\n")),
                Arguments.of("no reason", head.replace(" OK", "") + length + "\r\n" + DOCUMENT),
                Arguments.of("line feeds", (head + length).replace("\r\n", "\n") + "\n" + DOCUMENT),
                Arguments.of(
                        "a coding of identity", head + "Content-Encoding: identity\r\n" + length + "\r\n" + DOCUMENT),
                Arguments.of("an empty coding", head + "Content-Encoding: \r\n" + length + "\r\n" + DOCUMENT));
    }

    @Test
    void w23_headerFieldsAreNotChanged() {
        String fields = "X-Latin: gr\u00fc\u00dfe\r\nX-Utf8: " + latin1("grüße 你好")
                + "\r\nX-Folded: a\r\n  b\r\nX-Empty:\r\nX-Twice: 1\r\n"
                + "X-Twice: 2\r\nX-List: a, b\r\nX-Long: " + "x".repeat(100_000)
                + "\r\nServer: provider\r\nDate: then\r\nVary: *\r\n"
                + "Content-Language: de\r\nETag: \"1\"\r\n";
        provider.does(call ->
                call.write("HTTP/1.1 200 OK\r\n" + JSON + "\r\n" + fields + length(DOCUMENT) + "\r\n\r\n" + DOCUMENT));
        Received answer = fetch(Api.CHAT, newRequest(false));
        assertThat(answer.body()).isEqualTo(DOCUMENT);
        assertThat(answer.header("X-Latin")).isEqualTo("gr\u00fc\u00dfe");
        assertThat(answer.header("X-Utf8")).isEqualTo(latin1("grüße 你好"));
        assertThat(answer.header("X-Folded")).matches("a +b");
        assertThat(answer.header("X-Empty")).isEmpty();
        assertThat(answer.headers().allValues("X-Twice")).containsExactly("1", "2");
        assertThat(answer.header("X-List")).isEqualTo("a, b");
        assertThat(answer.header("X-Long")).hasSize(100_000);
        assertThat(answer.headers().allValues("Server")).containsExactly("provider");
        assertThat(answer.headers().allValues("Date")).containsExactly("then");
        assertThat(answer.header("Vary")).isEqualTo("*");
        assertThat(answer.header("Content-Language")).isEqualTo("de");
        assertThat(answer.header("ETag")).isEqualTo("\"1\"");
    }

    private static String latin1(String utf8) {
        return new String(utf8.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    @Test
    void w23_anAnswerMayHaveAThousandHeaderFields() {
        String[] fields = Stream.concat(
                        Stream.of(JSON, length(DOCUMENT), CLOSE),
                        IntStream.range(0, 1000).mapToObj(i -> "X-Field-" + i + ": " + i))
                .toArray(String[]::new);
        provider.does(call -> call.write(head("200 OK", fields) + DOCUMENT));
        Received answer = fetch(Api.CHAT, newRequest(false));
        assertThat(answer.body()).isEqualTo(DOCUMENT);
        for (int i = 0; i < 1000; i++) {
            assertThat(answer.header("X-Field-" + i)).isEqualTo(Integer.toString(i));
        }
    }

    @Test
    void w2_hopByHopFieldsAndThoseOfAnotherCacheAreNotPassedOn() {
        provider.does(call -> call.write(head(
                        "200 OK",
                        JSON,
                        length(DOCUMENT),
                        "Connection: close, X-Hop",
                        "X-Hop: 1",
                        "Keep-Alive: timeout=5",
                        "Proxy-Authenticate: Basic",
                        "Upgrade: h2c",
                        "X-OpenRouter-Cache-Status: HIT",
                        "X-OpenRouter-Cache-Age: 7",
                        "Cache-Status: other; hit",
                        "X-End: 1")
                + DOCUMENT));
        Received answer = fetch(Api.CHAT, newRequest(false));
        assertThat(answer.headers().map().keySet().stream().map(String::toLowerCase))
                .doesNotContain("x-hop", "keep-alive", "proxy-authenticate", "upgrade", "x-openrouter-cache-age")
                .contains("x-end");
        assertThat(answer.headers().allValues(WireTest.STATUS)).containsExactly("MISS");
        assertThat(String.join(", ", answer.headers().allValues("Cache-Status")))
                .startsWith("other; hit, refrain; fwd=miss");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"gzip", "br", "identity, gzip", "identity\r\nContent-Encoding: gzip", "deflate", "x-unknown"})
    void w16_aCodedAnswerIsPassedOnAsItIsAndNotStored(String coding) {
        byte[] coded = {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, (byte) 0xff, '\r', '\n', 0};
        for (boolean streaming : new boolean[] {false, true}) {
            provider.does(call -> call.write(head(
                            "200 OK",
                            streaming ? "Content-Type: text/event-stream" : JSON,
                            "Content-Length: 13",
                            "Content-Encoding: " + coding,
                            CLOSE))
                    .write(coded));
            String request = newRequest(streaming);
            for (int i = 0; i < 2; i++) {
                Received answer = fetch(Api.CHAT, request);
                assertThat(answer.bytes()).isEqualTo(new String(coded, StandardCharsets.ISO_8859_1));
                assertThat(answer.headers().allValues("Content-Encoding"))
                        .isEqualTo(Arrays.asList(coding.split("\r\nContent-Encoding: ")));
                assertThat(answer.header(WireTest.STATUS)).isEqualTo("MISS");
                assertThat(answer.header("Cache-Status")).contains("detail=answer-encoded");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "   "})
    void w23_anEmptyGenerationIdCountsAsMissing(String id) {
        provider.does(
                call -> call.write(head("200 OK", JSON, length(DOCUMENT), CLOSE, "X-Generation-Id:" + id) + DOCUMENT));
        String request = newRequest(false);
        assertThat(fetch(Api.CHAT, request).headers().allValues(WireTest.GENERATION))
                .isEqualTo(List.of("c1"));
        assertThat(fetch(Api.CHAT, request).header(WireTest.SOURCE)).isEqualTo("c1");
    }
}
