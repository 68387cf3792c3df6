package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;

/** What crosses the proxy as it is, in both directions (wire rule W2). */
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
    void w2_aGetHasNoLengthAndAPostWithoutBodyHasOne() throws Exception {
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
}
