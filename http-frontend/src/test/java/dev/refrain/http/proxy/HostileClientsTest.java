package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.semantics.forward.UriCharacters;
import dev.refrain.testing.ScriptedProvider;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Attacks over raw sockets. Each one comes over a new connection, and over one whose shortcut knows the head that the
 * attack imitates. If the framing is ambiguous, the connection ends. A hidden request never reaches the provider. The
 * provider gets exactly the requests that a strict parser ({@link StrictReader}) finds in the same bytes.
 */
class HostileClientsTest extends WireTest {
    private static final int ROUNDS = Integer.getInteger("refrain.hostile", 400);

    private static final String HIDDEN = "GET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    private static final String CHAT_HEAD =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n";
    private static final String KNOWN = CHAT_HEAD + "Content-Length: 2\r\n\r\n{}";
    private static final String OTHER_HEAD = "POST /v1/echo HTTP/1.1\r\nHost: x\r\n";

    /** A connection with three answers to the same request; the last came through the shortcut. */
    private RawClient known() throws IOException {
        RawClient client = new RawClient(proxy.port());
        for (int i = 0; i < 3; i++) {
            client.send(KNOWN);
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200");
        }
        return client;
    }

    private static String attack(RawClient client, String bytes) throws IOException {
        StringBuilder all = new StringBuilder();
        try {
            client.send(bytes);
            client.finishSending();
        } catch (IOException refused) {
            all.append("(refused)");
        }
        return all + client.readToTheEnd();
    }

    private static int answers(String received) {
        return received.split("HTTP/1\\.[01] [2-5]", -1).length - 1;
    }

    private void assertNothingHidden(String attack) {
        assertThat(provider.received()).as(attack).noneMatch(r -> r.uri().contains("hidden"));
    }

    @Test
    void ambiguousFramingEndsTheConnectionOnBothWays() throws IOException {
        List<String> attacks = new ArrayList<>();
        for (String head : List.of(CHAT_HEAD, OTHER_HEAD)) {
            String chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
            for (String rest : List.of(
                    // CL.TE and TE.CL.
                    "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
                    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2a\r\n",
                    // TE.TE.
                    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding: chun\u0000ked\r\n\r\n0\r\n\r\n",
                    "Transfer-Encoding\n: chunked\r\n\r\n0\r\n\r\n",
                    "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    // Lengths.
                    "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
                    "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
                    "Content-Length: 2,2\r\n\r\n{}",
                    "Content-Length: +2\r\n\r\n{}",
                    "Content-Length: -2\r\n\r\n{}",
                    "Content-Length: 0x2\r\n\r\n{}",
                    "Content-Length: 2 2\r\n\r\n{}",
                    "Content-Length: 2;\r\n\r\n{}",
                    "Content-Length: \u00b2\r\n\r\n{}",
                    "Content-Length : 2\r\n\r\n{}",
                    "Content-Length\u0000: 2\r\n\r\n{}",
                    "Content-Length: 99999999999999999999\r\n\r\n{}",
                    "Content-Length: 18446744073709551618\r\n\r\n{}",
                    // Fields.
                    "X: a\u0000b\r\nContent-Length: 2\r\n\r\n{}",
                    "X\r\nContent-Length: 2\r\n\r\n{}",
                    ": x\r\nContent-Length: 2\r\n\r\n{}",
                    "Host: y\r\nContent-Length: 2\r\n\r\n{}",
                    "Content-Length: 2\n\n{}",
                    "Expect: magic\r\nContent-Length: 2\r\n\r\n")) {
                attacks.add(head + rest);
            }
            for (String rest : List.of(
                    "2 2\r\n{}\r\n0\r\n\r\n",
                    "2\r\n{}GET /v1/hidden HTTP/1.1\r\n0\r\n\r\n",
                    "2\r\n{}\n0\r\n\r\n",
                    "2\n{}\n0\n\n",
                    "0\r\nGET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n",
                    "0\r\nX : y\r\n\r\n",
                    "0\r\nX: y\r\n z\r\n\r\n",
                    "0;\r\n\r\n",
                    "2;a=\"\r\n{}\r\n0\r\n\r\n",
                    "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
                    "2\r\n{}\r\n-1\r\n\r\n")) {
                attacks.add(chunked + rest);
            }
        }
        attacks.addAll(List.of(
                "GET /v1/a\nb HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /v1/a?b\nc HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /v1/a\tb HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /v1/models\r\n",
                "GET /v1/models HTTP/0.9\r\n\r\n",
                "GET /v1/models HTTP/2.0\r\nHost: x\r\n\r\n",
                "GET  /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET\t/v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
                "G\u0000T /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /v1/models HTTP/1.1\r\n\r\n",
                "GET /v1/models HTTP/1.1\nHost: x\n\n",
                "POST /v1/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
        for (String attack : attacks) {
            for (boolean second : new boolean[] {false, true}) {
                try (RawClient client = second ? known() : new RawClient(proxy.port())) {
                    String received = attack(client, attack + HIDDEN);
                    assertThat(answers(received)).as(attack + " -> " + received).isLessThanOrEqualTo(1);
                    assertThat(received)
                            .as(attack)
                            .matches("(?s)(\\(refused\\))?(HTTP/1\\.[01] (4|501|505).*)?(\\(reset\\))?");
                }
                assertNothingHidden(attack);
            }
        }
        // The only requests that reached the provider are those of known(), which make the proxy remember the head.
        assertThat(provider.received())
                .allMatch(r -> r.uri().endsWith("/chat/completions") && r.body().equals("{}"));
    }

    @Test
    void anOddButUnambiguousRequestIsServed() throws IOException {
        String last = "GET /v1/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        for (String odd : List.of(
                OTHER_HEAD + "Content-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                OTHER_HEAD + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(HIDDEN.length()) + "\r\n"
                        + HIDDEN + "\r\n0\r\n\r\n",
                OTHER_HEAD + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 40\r\nHost: y\r\n\r\n",
                OTHER_HEAD + "Content-Length: 0\r\n\r\n",
                unknownVersion("0.1") + "Content-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                unknownVersion("1.2") + "Content-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                unknownVersion("3.0") + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(HIDDEN.length())
                        + "\r\n" + HIDDEN + "\r\n0\r\n\r\n",
                "GET /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                "HEAD /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                "POST http://x/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
                "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN)) {
            for (boolean second : new boolean[] {false, true}) {
                provider.received().clear();
                try (RawClient client = second ? known() : new RawClient(proxy.port())) {
                    String received = attack(client, odd + last);
                    assertThat(received).as(odd).startsWith("HTTP/1.1 ");
                }
                assertNothingHidden(odd);
            }
        }
    }

    /** Undertow reads the version as HTTP/1.1. */
    private static String unknownVersion(String version) {
        return OTHER_HEAD.replace("HTTP/1.1", "HTTP/" + version);
    }

    /** Half a request that never ends: a time limit ends it, and others are served meanwhile. */
    @Test
    void aStalledClientIsCutOffAndDelaysNobody() throws IOException {
        restart(Map.of("REFRAIN_TIMEOUTS_REQUEST", "300ms", "REFRAIN_TIMEOUTS_KEEP_ALIVE", "300ms"));
        List<RawClient> stalled = new ArrayList<>();
        for (String half : List.of(
                "",
                "G",
                "POST /v1/chat/completions HTTP/1.1\r\nHost",
                CHAT_HEAD + "Content-Length: 10\r\n\r\n{",
                CHAT_HEAD + "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
                CHAT_HEAD + "Transfer-Encoding: chunked\r\n\r\n5;",
                CHAT_HEAD + "Transfer-Encoding: chunked\r\n\r\n0\r\nX",
                OTHER_HEAD + "Content-Length: 10\r\n\r\n{",
                OTHER_HEAD + "Transfer-Encoding: chunked\r\n\r\n5\r\n{",
                "POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
                CHAT_HEAD + "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n")) {
            RawClient client = new RawClient(proxy.port());
            client.send(half);
            stalled.add(client);
        }
        assertThat(proxy.cached(CHAT, CHAT_REQUEST).statusCode()).isEqualTo(200);
        for (RawClient client : stalled) {
            assertThat(client.readToTheEnd()).doesNotContain(" 200 ");
            client.close();
        }
        // Clients that left half-way occupy no place that keeps others out.
        for (int i = 0; i < 50; i++) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(KNOWN.substring(0, i * KNOWN.length() / 50));
                client.leave(i % 2 == 0);
            }
        }
        proxy.forgetConnections();
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
    }

    /** {@code -Drefrain.hostile=100000} runs more rounds. */
    @Test
    void theProviderGetsWhatAStrictParserFinds() throws IOException {
        provider.does((exchange, request) -> ScriptedProvider.json(exchange, 200, "{}"));
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        String head = OTHER_HEAD.replace("echo", "echo-000000-");
        String hidden = HIDDEN.replace("hidden", "hidden-000000-");
        String[] good = {
            head + "Content-Length: 5\r\n\r\nhello",
            head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n",
            "GET /v1/echo-000000- HTTP/1.1\r\nHost: x\r\n\r\n",
            head + "Content-Length: " + hidden.length() + "\r\n\r\n" + hidden,
            head + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(hidden.length()) + "\r\n" + hidden
                    + "\r\n0\r\n\r\n"
        };
        String[] odd = {
            "",
            " ",
            "\t",
            "\r",
            "\n",
            "\r\n",
            "\0",
            ":",
            ";",
            ",",
            "0",
            "1",
            "-",
            "+",
            "0x",
            "chunked",
            "identity",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Content-Length: 3\r\n",
            "Content-Length: 0\r\n",
            "\r\n\r\n",
            "0\r\n\r\n",
            "ffffffffffffffff",
            "\u000b",
            "\u00a0",
            "HTTP/1.0",
            "HTTP/0.1",
            "HTTP/2.0",
            "Expect: 100-continue\r\n",
            "Connection: close\r\n",
            "Connection: keep-alive\r\n"
        };
        for (int round = 0; round < ROUNDS; round++) {
            // The tag tells rounds apart: a cancelled call, whose client has closed its side, may reach the provider as
            // late as in the next round.
            String tag = String.format("-%06d-", round);
            StringBuilder bytes = new StringBuilder();
            for (int count = random.nextInt(3) + 1; count > 0; count--) {
                bytes.append(good[random.nextInt(good.length)].replace("-000000-", tag));
            }
            for (int changes = random.nextInt(3) + 1; changes > 0; changes--) {
                int at = random.nextInt(bytes.length());
                bytes.replace(at, Math.min(bytes.length(), at + random.nextInt(3)), odd[random.nextInt(odd.length)]);
            }
            bytes.append(hidden.replace("-000000-", tag));
            provider.received().clear();
            try (RawClient client = new RawClient(proxy.port())) {
                attack(client, bytes.toString());
            }
            Iterator<String> strict = StrictReader.read(bytes.toString()).stream()
                    .map(r -> r.method() + " " + UriCharacters.escape(r.target()) + " " + asReceived(r.body()))
                    .iterator();
            // The proxy may refuse some of these requests for other reasons than framing. No other requests may arrive,
            // and their order must be the same.
            for (ScriptedProvider.Received r : provider.received()) {
                if (!r.uri().contains(tag) && !r.body().contains(tag)) {
                    continue;
                }
                String real = r.method() + " " + r.uri().replaceFirst("^/api", "") + " " + r.body();
                boolean seen = false;
                while (!seen && strict.hasNext()) {
                    seen = strict.next().equals(real);
                }
                assertThat(seen)
                        .as("seed " + seed + ": " + real + " in " + bytes)
                        .isTrue();
            }
        }
    }

    /** The provider reads as UTF-8 the bytes that were written as ISO 8859-1. */
    private static String asReceived(String bytes) {
        return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }
}
