package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Clients that mean harm, over raw sockets. Each attack comes twice: first over a connection, and over one whose shortcut knows the head
 * that it imitates. Where the framing is in doubt, the connection ends; what is hidden never reaches the provider.
 */
class HostileClientsTest extends WireTest {
    private static final String HIDDEN = "GET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    private static final String CHAT_HEAD =
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\n";
    private static final String KNOWN = CHAT_HEAD + "Content-Length: 2\r\n\r\n{}";
    private static final String OTHER_HEAD = "POST /v1/echo HTTP/1.1\r\nHost: x\r\n";

    /** One that has had three answers to the same request: the last was the shortcut's. */
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
    void whatIsInDoubtEndsTheConnectionOverBothWays() throws IOException {
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
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
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
        // All that the provider has seen are the requests that made the shortcut known.
        assertThat(provider.received())
                .allMatch(r -> r.uri().endsWith("/chat/completions") && r.body().equals("{}"));
    }

    @Test
    void whatIsPlainButOddIsServedForWhatItIs() throws IOException {
        String last = "GET /v1/last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        for (String odd : List.of(
                OTHER_HEAD + "Content-Length: " + HIDDEN.length() + "\r\n\r\n" + HIDDEN,
                OTHER_HEAD + "Transfer-Encoding: chunked\r\n\r\n" + Integer.toHexString(HIDDEN.length()) + "\r\n"
                        + HIDDEN + "\r\n0\r\n\r\n",
                OTHER_HEAD + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 40\r\nHost: y\r\n\r\n",
                OTHER_HEAD + "Content-Length: 0\r\n\r\n",
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

    /** Half a request, for ever: what there is for it is a timeout, and others are served meanwhile. */
    @Test
    void whoeverStallsIsCutOffAndHoldsUpNobody() throws IOException {
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
        // Whatever went away half-way left nothing that keeps others out.
        for (int i = 0; i < 50; i++) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send(KNOWN.substring(0, i * KNOWN.length() / 50));
                client.leave(i % 2 == 0);
            }
        }
        assertHit(proxy.cached(CHAT, CHAT_REQUEST));
    }
}
