package dev.refrain.console.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdminServerTest {
    private static final long MIB = 1 << 20;

    /** Heads of 16 KiB take four times that, and what there is of each request besides. */
    @Test
    void headsOfAllConnectionsAreASmallPartOfTheMemoryBudget() {
        for (long heap = 16; heap < 64 * 1024; heap *= 2) {
            long budget = MemoryBudget.share(heap * MIB);
            int connections = AdminServer.connections(budget);
            assertThat(connections).isBetween(32, 256);
            assertThat(connections * 68L * 1024).isLessThanOrEqualTo(Math.max(budget / 16, 32 * 68 * 1024));
        }
        assertThat(AdminServer.connections(MemoryBudget.share(64 * MIB))).isEqualTo(32);
        assertThat(AdminServer.connections(MemoryBudget.share(1024 * MIB))).isEqualTo(256);
    }

    /** A head that is not ended, and a body; the listener outside of tests gives them ten times as long. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "POST /admin/api/login HTTP/1.1\r\nHost: 127.0.0.1\r\n",
                "POST /admin/api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Refrain-Admin: 1\r\nContent-Length: 9\r\n\r\n{"
            })
    void f55_whoSendsSlowlyIsCutInSeconds(String half, @TempDir Path folder) throws IOException {
        ActivityOptions options = ActivityOptions.of(folder.resolve("log"), 64 * MIB, Duration.ofDays(1));
        try (ResponseCache cache = ResponseCache.onHeap(4 * MIB).open();
                ActivityLog log = ActivityLog.open(options, Clock.systemUTC());
                AdminServer server = AdminServer.start(
                        new AdminOptions("127.0.0.1", 0, "0123456789abcdef0123", "admin.token"),
                        AdminServer.Subject.ofProgram(cache, log, null, null, () -> "a test"),
                        1);
                Socket client = new Socket(
                        server.address().getAddress(), server.address().getPort())) {
            client.setSoTimeout(20_000);
            client.getOutputStream().write(half.getBytes(StandardCharsets.US_ASCII));
            assertThat(client.getInputStream().read()).isNegative();
        }
    }
}
