package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/**
 * A client with Nagle's algorithm sends a request in two parts. The server must acknowledge the first part at once. A
 * delayed acknowledgment comes after 40 ms on Linux, though not at the beginning of a connection. The test takes the
 * quickest of several requests, so that other load on the machine does not matter.
 */
@EnabledOnOs(OS.LINUX)
class PromptAcksTest extends WireTest {
    private static final int UNDELAYED = 30;
    private static final int MEASURED = 10;
    private static final Duration DELAYED = Duration.ofMillis(35);

    private static String body(int length) {
        String text = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}";
        return text.replace("\"\"", '"' + "x".repeat(length - text.length()) + '"');
    }

    private Duration quickest(String body, int firstPart) throws IOException {
        String request = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n"
                + "X-OpenRouter-Cache: true\r\nContent-Type: application/json\r\nContent-Length: " + body.length()
                + "\r\n\r\n"
                + body;
        int first = firstPart > 0 ? firstPart : request.length() - body.length();
        long quickest = Long.MAX_VALUE;
        try (RawClient client = RawClient.withNagle(proxy.port())) {
            for (int i = 0; i < UNDELAYED + MEASURED; i++) {
                long started = System.nanoTime();
                client.send(request.substring(0, first));
                client.send(request.substring(first));
                assertThat(client.readResponse()).startsWith("HTTP/1.1 200 ");
                if (i >= UNDELAYED) {
                    quickest = Math.min(quickest, System.nanoTime() - started);
                }
            }
        }
        return Duration.ofNanos(quickest);
    }

    @Test
    void aLongRequestAsOkHttpSendsIt() throws IOException {
        assertThat(quickest(body(9000), 8192)).isLessThan(DELAYED);
    }

    @Test
    void aHeadAndThenItsBody() throws IOException {
        assertThat(quickest(body(500), 0)).isLessThan(DELAYED);
    }

    @Test
    void aRequestThatIsTooLongForTheCache() throws IOException {
        restart(Map.of("REFRAIN_LIMITS_CACHEABLE_REQUEST", "16KiB"));
        assertThat(quickest(body(40_000), 32_768)).isLessThan(DELAYED);
    }
}
