package dev.refrain.console.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ActivityOptions;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdminServerTest {
    private static final long MIB = 1 << 20;

    /** A head of 16 KiB takes four times that in memory, plus the other objects of its request. */
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

    /** An unfinished head, and an unfinished body. Outside of tests the listener waits ten times as long. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "POST /admin/api/login HTTP/1.1\r\nHost: 127.0.0.1\r\n",
                "POST /admin/api/login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Refrain-Admin: 1\r\nContent-Length: 9\r\n\r\n{"
            })
    void f55_aSlowSenderIsCutInSeconds(String half, @TempDir Path folder) throws IOException {
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

    /**
     * Each worker thread answers a request for figures. The figures contain the proxy's address, for which the thread
     * waits here.
     */
    @Test
    void probesAreAnsweredWhileAllWorkersAreBlocked(@TempDir Path folder) throws IOException {
        ActivityOptions options = ActivityOptions.of(folder.resolve("log"), 64 * MIB, Duration.ofDays(1));
        CountDownLatch held = new CountDownLatch(8);
        CountDownLatch goOn = new CountDownLatch(1);
        List<Socket> askers = new ArrayList<>();
        try (ResponseCache cache = ResponseCache.onHeap(4 * MIB).open();
                ActivityLog log = ActivityLog.open(options, Clock.systemUTC());
                AdminServer server = AdminServer.start(
                        new AdminOptions("127.0.0.1", 0, null, "admin.token"),
                        AdminServer.Subject.ofProgram(cache, log, null, null, () -> {
                            held.countDown();
                            assertThat(waited(goOn)).isTrue();
                            return "a test";
                        }))) {
            try {
                for (int i = 0; i < 8; i++) {
                    askers.add(ask(server, "/admin/api/stats"));
                }
                assertThat(waited(held)).isTrue();
                for (String path : List.of("/healthz", "/readyz", "/metrics")) {
                    assertThat(status(ask(server, path))).as(path).startsWith("HTTP/1.1 200");
                }
            } finally {
                goOn.countDown();
            }
            for (Socket asker : askers) {
                assertThat(status(asker)).startsWith("HTTP/1.1 200");
            }
        }
    }

    private static boolean waited(CountDownLatch latch) {
        try {
            return latch.await(60, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Socket ask(AdminServer server, String path) throws IOException {
        Socket client =
                new Socket(server.address().getAddress(), server.address().getPort());
        client.setSoTimeout(30_000);
        client.getOutputStream()
                .write(("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Refrain-Admin: 1\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII));
        return client;
    }

    /** Reads the first line of the answer, and closes. */
    private static String status(Socket client) throws IOException {
        try (client) {
            return new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.US_ASCII))
                    .readLine();
        }
    }
}
