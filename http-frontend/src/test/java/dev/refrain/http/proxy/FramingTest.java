package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The end of a request is unambiguous (RFC 9112): an ambiguous request is refused, and its connection is closed. */
class FramingTest extends WireTest {
    private static final String LINE = "POST /v1/chat/completions HTTP/1.1\r\n";
    private static final String START = LINE + "Host: x\r\n";
    private static final String CHUNKED = START + "Transfer-Encoding: chunked\r\n\r\n";
    /** A request that an attacker hides in a body, to have it served. */
    private static final String SMUGGLED = "GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

    private String answers(String bytes) throws IOException {
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(bytes);
            return client.readToTheEnd();
        }
    }

    @Test
    void ambiguousFramingIsRefusedAndEndsTheConnection() throws IOException {
        for (String request : List.of(
                // Lengths.
                START + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                START + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
                START + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
                START + "Content-Length: 2, 2\r\n\r\n{}",
                START + "Content-Length: -2\r\n\r\n{}",
                START + "Content-Length: +2\r\n\r\n{}",
                START + "Content-Length: 0x2\r\n\r\n{}",
                START + "Content-Length: 2.0\r\n\r\n{}",
                START + "Content-Length:\r\n\r\n{}",
                // 2^64 and 2^64 + 2: a parser that overflows would read a length of 0, or of 2.
                START + "Content-Length: 18446744073709551616\r\n\r\n{}",
                START + "Content-Length: 18446744073709551618\r\n\r\n{}",
                START + "Content-Length: 9223372036854775808\r\n\r\n{}",
                // Codings.
                START + "Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
                START + "Content-Length: 5\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
                START + "Content-Length: 5\r\nTransfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
                START + "Content-Length: 5\r\nTransfer-Encoding: , chunked\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n",
                START + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                "POST /v1/chat/completions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                // Chunks.
                CHUNKED + "zz\r\n\r\n",
                CHUNKED + "\r\n\r\n",
                CHUNKED + "-2\r\n{}\r\n0\r\n\r\n",
                CHUNKED + "0x2\r\n{}\r\n0\r\n\r\n",
                CHUNKED + " 2\r\n{}\r\n0\r\n\r\n",
                CHUNKED + "2\n{}\r\n0\r\n\r\n",
                CHUNKED + "2;a\n{}\r\n0\r\n\r\n",
                CHUNKED + "2\r\n{}xx\r\n0\r\n\r\n",
                CHUNKED + "2\r\n{}\n0\r\n\r\n",
                CHUNKED + "2\r\n{}0\r\n\r\n",
                CHUNKED + "2\r{}\r\n0\r\n\r\n",
                CHUNKED + "10000000000000002\r\n{}\r\n0\r\n\r\n",
                CHUNKED + "2\r\n{}\r\n0\r\nTrailer: a\n\r\n",
                CHUNKED + "2\r\n{}\r\n0\r\n\n",
                // Fault F25.
                CHUNKED + "2 \r\n{}\r\n0\r\n\r\n",
                CHUNKED + "0 2\r\n{}\r\n0\r\n\r\n",
                CHUNKED + "2\tzz;;==\r\n{}\r\n0\r\n\r\n",
                CHUNKED + "2\r\n{}\r\n0\r\nno colon\r\n\r\n",
                CHUNKED + "2\r\n{}\r\n0\r\nT: a\r\n b\r\n\r\n",
                // Heads.
                LINE + "Host: x\nContent-Length: 2\r\n\r\n{}",
                LINE + "Host: x\r\nX: a\u0000b\r\n\r\n",
                LINE + "Host: x\r\nX: a\rb\r\n\r\n",
                LINE + "Host: x\r\n : a\r\n\r\n",
                LINE + "Host: x\r\nX Y: a\r\n\r\n",
                LINE + "Host: x\r\n: a\r\n\r\n",
                LINE + "\r\n",
                LINE + "Host: x\r\nHost: y\r\n\r\n",
                LINE + "Host: a b\r\n\r\n",
                "POST  /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /v1/models  HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /v1/models\r\n\r\n",
                "POST /v1/models HTTP/1\r\nHost: x\r\n\r\n",
                "POST v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
                "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
                "\u0000\u0000\u0000\u0000",
                "\r\n\r\n")) {
            assertThat(answers(request + SMUGGLED))
                    .as(request)
                    .matches("(?s)HTTP/1\\.[01] (400|501) .*")
                    .doesNotContain("Exception")
                    .satisfies(all ->
                            assertThat(all.split("HTTP/1\\.[01] [0-9]", -1)).hasSize(2));
        }
        assertThat(provider.calls()).isZero();
        assertThat(proxy.send(proxy.post(CHAT, CHAT_REQUEST)).statusCode()).isEqualTo(200);
    }

    @Test
    void unusualButUnambiguousFramingIsServed() throws IOException {
        String close = "Connection: close\r\n";
        for (String request : new String[] {
            START + close
                    + "transfer-encoding: CHUNKED\r\n\r\n1;a=\"b;c\";d\r\n{\r\n01 ; e\r\n}\r\n000;x\r\nTrailer: "
                    + "t\r\n\r\n",
            START + close + "Content-Length: 002\r\n\r\n{}",
            // A server treats an unknown minor version as its own highest one (RFC 9110, 2.5).
            "POST /v1/chat/completions HTTP/1.2\r\nHost: x\r\n" + close + "Content-Length: 2\r\n\r\n{}",
            // Folded lines are joined, as RFC 9112, 5.2 allows.
            START + close + "X-Folded: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
            "POST http://elsewhere.example/v1/chat/completions HTTP/1.1\r\nHost: elsewhere.example\r\n" + close
                    + "Content-Length: 2\r\n\r\n{}",
            "POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
            START + "Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                    + "Content-Length: 2\r\n\r\n{}" + "GET /none HTTP/1.0\r\n\r\n",
            START + close + "Upgrade: TLS/1.0\r\nContent-Length: 2\r\n\r\n{}"
        }) {
            provider.received().clear();
            assertThat(answers(request)).as(request).matches("(?s)HTTP/1\\.[01] 200 .*chatcmpl-123.*");
            assertThat(provider.received()).as(request).singleElement().satisfies(received -> {
                assertThat(received.uri()).isEqualTo("/api/v1/chat/completions");
                assertThat(received.body()).isEqualTo("{}");
                assertThat(received.headers()).doesNotContainKeys("Upgrade", "Http2-settings", "Trailer");
                assertThat(received.headers().getFirst("Host")).startsWith("127.0.0.1");
            });
        }
    }

    @Test
    void aRefusalComesAfterTheAnswersToEarlierRequests() throws IOException {
        String plain = START + "Content-Length: 2\r\n\r\n{}";
        String empty = START + "X-OpenRouter-Cache: true\r\n\r\n";
        String hit = START + "X-OpenRouter-Cache: true\r\nContent-Length: 2\r\n\r\n{}";
        for (int i = 0; i < 30; i++) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(plain + empty + hit + START + "Content-Length: 0\r\n\n");
                for (int answer = 0; answer < 3; answer++) {
                    assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
                }
                assertThat(client.readHead()).startsWith("HTTP/1.1 400");
            }
        }
    }

    /** A trailer or a chunk extension is found to be too long before it has ended. */
    @Test
    void trailersAndExtensionsAreLimited() throws IOException {
        for (String endless : List.of(
                "0\r\nX: " + "y".repeat(70_000), "0\r\n" + "X: y\r\n".repeat(17_000), "2;" + "y".repeat(1500))) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(CHUNKED + endless);
                assertThat(client.readResponse()).contains("HTTP/1.1 400", "too long");
            }
        }
        assertThat(provider.calls()).isZero();
    }

    /** The division into packets changes neither the body nor the place of the next request. */
    @Test
    void chunksMayComeInAnyPieces() throws IOException {
        String body = CHAT_REQUEST + " ".repeat(40_000);
        StringBuilder chunked = new StringBuilder();
        for (int at = 0, size = 1; at < body.length(); at += size, size = size * 3 % 9973 + 1) {
            String chunk = body.substring(at, Math.min(body.length(), at + size));
            chunked.append(Integer.toHexString(chunk.length()))
                    .append(";x\r\n")
                    .append(chunk)
                    .append("\r\n");
        }
        byte[] bytes = (START + "X-OpenRouter-Cache: true\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked
                        + "0\r\nT: t\r\n\r\n"
                        + "POST /v1/none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
                .getBytes(StandardCharsets.ISO_8859_1);
        for (int piece : new int[] {bytes.length, 1, 7, 1000}) {
            try (RawClient client = new RawClient(proxy.port())) {
                int step = piece == 1 ? 997 : piece;
                for (int at = 0; at < bytes.length; at += step) {
                    client.send(Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + step)));
                }
                assertThat(client.readResponse()).startsWith("HTTP/1.1 200").contains("X-OpenRouter-Cache-Status");
                assertThat(client.readResponse())
                        .startsWith("HTTP/1.1 200")
                        .doesNotContain("X-OpenRouter-Cache-Status");
            }
        }
        assertThat(provider.received().get(0).body()).isEqualTo(body);
        HttpResponse<String> plain = proxy.send(
                ProxyUnderTest.anonymous(proxy.post(CHAT, CHAT_REQUEST).setHeader("X-OpenRouter-Cache", "true")));
        assertHit(plain);
    }
}
