package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;

/** Bytes that cross the proxy unchanged, in both directions (wire rule W2). */
class UntouchedWireTest extends ProviderFaults {
    private final BlockingQueue<String> heads = new LinkedBlockingQueue<>();

    private String exchange(String request, String answer) throws IOException {
        heads.clear();
        provider.does(call -> {
            heads.add(call.head());
            call.write(answer);
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send(request.replace("\r\n\r\n", "\r\nHost: x\r\nConnection: close\r\n\r\n"));
            return client.readToTheEnd();
        }
    }

    @Test
    void w2_f38_aGetHasNoLengthAndAPostWithoutBodyHasOne() throws Exception {
        exchange("GET /v1/models HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
        assertThat(heads.take()).startsWith("GET /v1/models HTTP/1.1\r\n").doesNotContainIgnoringCase("content-length");
        exchange("DELETE /v1/files/1 HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
        assertThat(heads.take()).doesNotContainIgnoringCase("content-length");
        exchange("POST /v1/batches/1/cancel HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n");
        assertThat(heads.take()).contains("Content-Length: 0\r\n");
    }

    @Test
    void w2_valuesBeyondAsciiAreTheSameBytes() throws Exception {
        exchange(
                "GET /v1/models HTTP/1.1\r\nX-Name: gr\u00fc\u00dfe \u00e4\u0080\r\n\r\n",
                "HTTP/1.1 204 No Content\r\n\r\n");
        assertThat(heads.take()).contains("X-Name: gr\u00fc\u00dfe \u00e4\u0080\r\n");
    }

    @Test
    void w2_theReasonPhraseIsTheProviders() throws Exception {
        for (String status : new String[] {"200 Fine", "404 Kein gr\u00fcner Zweig", "429 slow down, please", "599 "}) {
            assertThat(exchange(
                            "GET /v1/models HTTP/1.1\r\n\r\n", "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"))
                    .startsWith("HTTP/1.1 " + status + "\r\n");
        }
    }

    /** Undertow writes the reason phrase from a buffer of 16 KiB, and fails if it is longer. */
    @Test
    void w2_theBeginningOfALongReasonPhraseIsPassedOn() throws Exception {
        for (int length : new int[] {8192, 8193, 20_000, 300_000}) {
            assertThat(exchange(
                            "GET /v1/models HTTP/1.1\r\n\r\n",
                            "HTTP/1.1 200 " + "r".repeat(length) + "\r\nContent-Length: 2\r\n\r\n{}"))
                    .startsWith("HTTP/1.1 200 " + "r".repeat(8192) + "\r\n")
                    .endsWith("\r\n\r\n{}");
        }
    }

    /** Undertow's buffer for trailers has 16 KiB, too. */
    @Test
    void w2_trailersThatAreTooLongAreLeftOutAndTheAnswerIsWhole() throws Exception {
        for (int length : new int[] {8000, 9000, 60_000}) {
            String answer = exchange(
                    "GET /v1/files/1/content HTTP/1.1\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\nX-Long: "
                            + "y".repeat(length) + "\r\n\r\n");
            String trailers = length > 8192 ? "" : "X-Long: " + "y".repeat(length) + "\r\nX-Sum: 1\r\n";
            assertThat(answer).endsWith("2\r\n{}\r\n0\r\n" + trailers + "\r\n");
        }
    }

    @Test
    void w2_trailersFollowTheBody() throws Exception {
        String answer = exchange(
                "GET /v1/files/1/content HTTP/1.1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\nX-Sum: 2\r\n"
                        + "Content-Length: 7\r\n\r\n");
        assertThat(answer.substring(answer.indexOf("\r\n\r\n") + 4))
                .startsWith("02\r\n{}\r\n0\r\n")
                .containsIgnoringCase("x-sum: 1\r\n")
                .containsIgnoringCase("x-sum: 2\r\n")
                .doesNotContainIgnoringCase("content-length")
                .endsWith("\r\n\r\n");
    }

    private static final String HINTS =
            "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nConnection: X-Near\r\nX-Near: 1\r\n"
                    + "X-Name: gr\u00fcn\r\n\r\n";

    @Test
    void w2_interimResponsesArePassedOn() throws Exception {
        String answer = exchange(
                "GET /v1/models HTTP/1.1\r\n\r\n",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Still at it\r\n\r\n" + HINTS
                        + "HTTP/1.1 204 No Content\r\n\r\n");
        assertThat(answer)
                .startsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Still at it\r\n\r\nHTTP/1.1 103 Early Hints\r\n")
                .contains("Link: </a>; rel=preload\r\n", "X-Name: gr\u00fcn\r\n", "\r\n\r\nHTTP/1.1 204 No Content\r\n")
                .doesNotContainIgnoringCase("x-near");
    }

    /** The answer is still to come: interim responses are meant for that time. */
    @Test
    void w2_interimResponsesArePassedOnAtOnce() throws Exception {
        CountDownLatch heard = new CountDownLatch(1);
        provider.does(call -> {
            call.write(HINTS);
            heard.await();
            call.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        });
        for (String path : new String[] {"/v1/models", "/v1/chat/completions"}) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send("POST " + path
                        + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: 2\r\n\r\n{}");
                assertThat(client.readHead()).startsWith("HTTP/1.1 103 Early Hints\r\n");
                heard.countDown();
                assertThat(client.readResponse())
                        .startsWith("HTTP/1.1 200 OK\r\n")
                        .endsWith("\r\n\r\n{}");
            }
        }
    }

    /** RFC 9110, 15.2: such a client would take an interim response for the answer. */
    @Test
    void w2_aClientOfHttp10GetsOnlyTheAnswer() throws Exception {
        assertThat(exchange("GET /v1/models HTTP/1.0\r\n\r\n", HINTS + "HTTP/1.1 204 No Content\r\n\r\n"))
                .containsPattern("^HTTP/1.[01] 204 ")
                .doesNotContain(" 103 ");
    }

    @Test
    void w2_aClientThatExpects100GetsIt() throws Exception {
        provider.does(call -> {
            call.body();
            call.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        });
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("POST /v1/audio HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
            assertThat(client.readHead()).isEqualTo("HTTP/1.1 100 Continue\r\n\r\n");
            client.send("{}");
            assertThat(client.readResponse()).startsWith("HTTP/1.1 200 OK\r\n");
        }
    }

    @Test
    void w2_interimResponsesAreLimitedInNumberAndLength() throws Exception {
        String many =
                exchange("GET /v1/models HTTP/1.1\r\n\r\n", HINTS.repeat(1000) + "HTTP/1.1 204 No Content\r\n\r\n");
        assertThat(many.split(" 103 ", -1)).hasSize(17);
        assertThat(many).contains("HTTP/1.1 204 No Content\r\n");
        String hints = HINTS.replace("gr\u00fcn", "x".repeat(20_000));
        assertThat(exchange("GET /v1/models HTTP/1.1\r\n\r\n", hints + "HTTP/1.1 204 No Content\r\n\r\n"))
                .startsWith("HTTP/1.1 204 No Content\r\n");
    }
}
