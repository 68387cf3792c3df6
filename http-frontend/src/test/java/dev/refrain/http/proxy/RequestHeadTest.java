package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;

/** Heads that are too large, have too many fields, or come too slowly: the connection ends, and nothing is logged. */
class RequestHeadTest extends WireTest {
    private static final String REST = " HTTP/1.1\r\nHost: x\r\n";

    /** Collects what is logged at WARNING or above while it is open. */
    private static final class Warnings extends Handler implements AutoCloseable {
        private final List<String> records = new ArrayList<>();

        Warnings() {
            setLevel(Level.WARNING);
            Logger.getLogger("").addHandler(this);
        }

        @Override
        public synchronized void publish(LogRecord record) {
            if (isLoggable(record)) {
                records.add(record.getLoggerName() + ": " + record.getMessage());
            }
        }

        @Override
        public void flush() {}

        @Override
        public void close() {
            Logger.getLogger("").removeHandler(this);
        }
    }

    @Test
    void aBombIsRefusedWithTheConnection() throws IOException {
        String many = "X-H: 1\r\n".repeat(300);
        String large = "X-Large: " + "x".repeat(70_000) + "\r\n";
        String cookie = "Cookie: a=" + "x".repeat(70_000) + "\r\n";
        String path = "x".repeat(70_000);
        StringBuilder parameters = new StringBuilder("?a");
        for (int i = 0; i < 1100; i++) {
            parameters.append("&p").append(i).append("=1");
        }
        try (Warnings warnings = new Warnings()) {
            for (String head : List.of(
                    "GET /v1/models" + REST + many + "\r\n",
                    "GET /v1/models" + REST + large + "\r\n",
                    "GET /v1/models" + REST + cookie + "\r\n",
                    "GET /v1/" + path + REST + "\r\n",
                    "GET /v1/models?" + path + REST + "\r\n",
                    "GET /v1/models" + parameters + REST + "\r\n",
                    "x".repeat(70_000) + " /v1/models" + REST + "\r\n")) {
                try (RawClient client = new RawClient(proxy.port())) {
                    client.send(head);
                    // The kernel's reset for unread bytes may overtake the answer.
                    assertThat(client.readToTheEnd())
                            .as(head.substring(0, 40))
                            .matches("(?s)(HTTP/1\\.1 400 .*|)(\\(reset\\))?")
                            .doesNotContain("HTTP/1.1 200");
                }
            }
            assertThat(warnings.records).isEmpty();
        }
        assertThat(provider.calls()).isZero();
        assertThat(proxy.send(proxy.post(CHAT, CHAT_REQUEST)).statusCode()).isEqualTo(200);
    }

    @Test
    void aHeadWithinTheLimitIsForwarded() throws IOException {
        StringBuilder many = new StringBuilder();
        for (int i = 0; i < 150; i++) {
            many.append("X-H").append(i).append(": 1\r\n");
        }
        try (RawClient client = new RawClient(proxy.port())) {
            client.send("GET /v1/models?q=" + "y".repeat(20_000) + REST + "X-Large: " + "x".repeat(30_000) + "\r\n"
                    + many + "\r\n");
            assertThat(client.readHead()).startsWith("HTTP/1.1 200");
        }
        assertThat(provider.received().get(0).headers()).containsKey("X-h149");
        assertThat(provider.received().get(0).headers().getFirst("X-large")).hasSize(30_000);
    }

    /** Each byte comes in time, but not all of them together. */
    @Test
    void aHeadThatDripsInIsCutOff() throws IOException {
        restart(Map.of("REFRAIN_TIMEOUTS_REQUEST", "500ms"));
        try (RawClient client = new RawClient(proxy.port())) {
            long start = System.nanoTime();
            client.send("GET /v1/models" + REST);
            assertThat(drip(client, "X-Drip: " + "x".repeat(1000))).isLessThan(1000);
            assertThat(System.nanoTime() - start).isLessThan(15_000_000_000L);
        }
    }

    @Test
    void aBodyThatDripsInIsCutOff() throws IOException {
        restart(Map.of("REFRAIN_TIMEOUTS_REQUEST", "500ms"));
        for (String header : List.of(
                "X-OpenRouter-Cache: true\r\nContent-Length: 1000",
                "Content-Length: 1000",
                "X-OpenRouter-Cache: true\r\nTransfer-Encoding: chunked",
                "Transfer-Encoding: chunked")) {
            try (RawClient client = new RawClient(proxy.port())) {
                client.send("POST /v1/chat/completions" + REST + header + "\r\n\r\n");
                if (header.endsWith("chunked")) {
                    client.send("3e8\r\n");
                }
                assertThat(drip(client, " ".repeat(1000))).as(header).isLessThan(1000);
            }
        }
        // The provider never got a whole request.
        assertThat(provider.calls()).isZero();
    }

    /**
     * Sends a byte at a time, at a tenth of the required pace, until an answer or the end comes. Returns the number of
     * bytes sent.
     */
    private static int drip(RawClient client, String bytes) throws IOException {
        for (int sent = 0; sent < bytes.length(); sent++) {
            try {
                client.send(bytes.substring(sent, sent + 1));
                if (client.hearsWithin(10)) {
                    return sent;
                }
            } catch (IOException closed) {
                return sent;
            }
        }
        return bytes.length();
    }
}
