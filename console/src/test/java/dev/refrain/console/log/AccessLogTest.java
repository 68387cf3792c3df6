package dev.refrain.console.log;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** What the access log writes, and what it does when it cannot write. */
class AccessLogTest {
    private static AccessRecord entry(String path, String model) {
        return new AccessRecord(
                new Origin("10.0.0.1", "POST", path, "HTTP/1.1"),
                1_700_000_000_123L,
                1_234_567,
                200,
                4096,
                "hit",
                model,
                null,
                null,
                "gen-1",
                "req 1");
    }

    @Test
    void aLineOfTextHasItsFieldsAndNothingEndsItEarly() {
        assertThat(AccessLines.text(entry("/v1/x\"\n\\", "a b")))
                .isEqualTo(
                        "2023-11-14T22:13:20.123Z 10.0.0.1 \"POST /v1/x\\x22\\x0A\\x5C HTTP/1.1\" 200 4096 0.001235 hit"
                                + " a\\x20b - - gen-1 req\\x201\n");
    }

    /** For a terminal, U+009B begins a command; some readers take U+0085 and U+2028 for the end of a line. */
    @Test
    void whatATerminalWouldActUponIsEscaped() {
        assertThat(AccessLines.text(entry("/\u009B31m\u0085\u007F\u001B\u00A0", "\u2028\u202Eü")))
                .contains("\"POST /\\x9B31m\\x85\\x7F\\x1B\u00A0 HTTP/1.1\"")
                .contains(" \\xE2\\x80\\xA8\\xE2\\x80\\xAEü ");
    }

    /** Tag characters are invisible surrogate pairs, so they are escaped. Visible pairs stay as they are. */
    @Test
    void invisibleCharactersBeyondTheFirstPlaneAreEscapedAsWell() throws IOException {
        AccessRecord entry = entry("/", "a\uDB40\uDC41\uD834\uDD73\uD83D\uDE00\uD83D");
        assertThat(AccessLines.text(entry)).contains(" a\\xF3\\xA0\\x81\\x81\\xF0\\x9D\\x85\\xB3\uD83D\uDE00\uD83D ");
        String json = AccessLines.json(entry("/\u009B\u0085", entry.model()));
        assertThat(json).containsPattern("^[ -~]*\n$");
        assertThat(new ObjectMapper().readTree(json).path("model").asText()).isEqualTo(entry.model());
    }

    @Test
    void aLineOfJsonHasWhatThereIs() throws IOException {
        String line = AccessLines.json(entry("/v1/x\"\n", "ü"));
        assertThat(line).containsOnlyOnce("\n").endsWith("}\n");
        assertThat(new ObjectMapper().readTree(line).toString())
                .isEqualTo("{\"time\":\"2023-11-14T22:13:20.123Z\",\"client\":\"10.0.0.1\",\"method\":\"POST\","
                        + "\"path\":\"/v1/x\\\"\\n\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":4096,"
                        + "\"duration_us\":1234,\"cache\":\"hit\",\"model\":\"ü\",\"id\":\"gen-1\","
                        + "\"request_id\":\"req 1\"}");
    }

    @Test
    void theQueueIsBoundedInBytesAndLinesBeyondItAreCounted() {
        CountDownLatch goOn = new CountDownLatch(1);
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        OutputStream stalled = new OutputStream() {
            @Override
            public void write(int b) {
                throw new IllegalStateException("lines are written many at a time");
            }

            @Override
            public void write(byte[] bytes, int from, int length) {
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                synchronized (written) {
                    written.write(bytes, from, length);
                }
            }
        };
        AccessLog log = AccessLog.to("stalled", Logs.Format.TEXT, stalled);
        log.start();
        int offered = 0;
        while (log.dropped() == 0) {
            log.add(entry("/", "m".repeat(20_000)));
            offered++;
            assertThat(log.waiting()).isLessThanOrEqualTo(AccessLog.MAX_WAITING);
        }
        // More records than the queue holds, because the writer has taken some of them, but not many times as many.
        assertThat(offered).isBetween(90, 250);
        goOn.countDown();
        log.close();
        assertThat(written.toString(StandardCharsets.UTF_8).lines()).hasSize((int) (offered - log.dropped()));
        assertThat(log.waiting()).isZero();
    }

    /** Each field is as long as a head may be. */
    @Test
    void whatClientsSendIsCutAndCounted() {
        String longest = "X".repeat(65_536);
        AccessRecord entry = new AccessRecord(
                new Origin("10.0.0.1", longest, "/" + longest, longest),
                0,
                0,
                400,
                0,
                null,
                null,
                null,
                null,
                null,
                null);
        String line = AccessLines.text(entry);
        assertThat(line).contains(" \"" + "X".repeat(31) + "… /XX", "X… " + "X".repeat(31) + "…\" 400 ");
        assertThat((long) line.length()).isBetween(2_100L, entry.heldBytes() / 2);
        assertThat(entry.heldBytes()).isLessThan(8192);
        Origin longestAsItIs = new Origin("10.0.0.1", "X".repeat(32), "/" + "x".repeat(2047), "HTTP/1.1");
        assertThat(longestAsItIs.method() + longestAsItIs.path()).doesNotContain("…");
    }

    @Test
    void whatCannotBeWrittenIsCounted() {
        AccessLog log = AccessLog.to("full", Logs.Format.TEXT, new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException("No space left on device");
            }
        });
        log.start();
        log.add(entry("/", "m"));
        log.add(entry("/", "m"));
        until(() -> log.dropped() == 2);
        log.close();
        log.add(entry("/", "m"));
        assertThat(log.dropped()).isEqualTo(3);
    }

    @Test
    void aFileThatCannotBeMadeIsNamed() {
        assertThatThrownBy(() -> AccessLog.open("/nowhere/access.log", Logs.Format.TEXT))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("log.access: cannot write /nowhere/access.log");
    }
}
