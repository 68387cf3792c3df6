package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How long idle HTTP/1.1 connections to a provider are used. */
@Timeout(120)
class KeptConnectionsTest {
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(20);

    private final MovableTimers time = new MovableTimers();
    private final AtomicInteger connections = new AtomicInteger();
    private ServerSocket server;
    private UpstreamClient client;
    private String fields;

    @BeforeEach
    void start() throws IOException {
        server = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        Thread acceptor = new Thread(this::accept);
        acceptor.setDaemon(true);
        acceptor.start();
        Duration limit = Http2Test.LONG;
        client = Http2Test.client(limit, limit, limit, KEEP_ALIVE, false, new MemoryBudget(64 << 20), time);
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        server.close();
    }

    private void accept() {
        try {
            while (true) {
                Socket connection = server.accept();
                connections.incrementAndGet();
                Thread provider = new Thread(() -> answer(connection));
                provider.setDaemon(true);
                provider.start();
            }
        } catch (IOException closed) {
            // The test is over.
        }
    }

    /** Answers requests, which have no body. */
    private void answer(Socket connection) {
        try (connection) {
            BufferedReader requests =
                    new BufferedReader(new InputStreamReader(connection.getInputStream(), StandardCharsets.US_ASCII));
            for (String line = requests.readLine(); line != null; line = requests.readLine()) {
                if (line.isEmpty()) {
                    connection
                            .getOutputStream()
                            .write(("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + fields + "\r\nok")
                                    .getBytes(StandardCharsets.US_ASCII));
                }
            }
        } catch (IOException closed) {
            // The client has closed the connection.
        }
    }

    private void call() {
        CollectedAnswer answer = new CollectedAnswer();
        UpstreamRequest request = new UpstreamRequest(
                "GET", new Origin(false, "127.0.0.1", server.getLocalPort()), "/v1/models", List.of(), null);
        new UpstreamCall(client, request, true, interim -> {}).fetch(answer);
        assertThat(answer.text()).isEqualTo("ok");
        until(() -> client.connections().idle() == 1);
    }

    /**
     * A connection is used for a second less than announced, because a request takes time to arrive; or for half of the
     * announced time, if it is under two seconds.
     */
    @ParameterizedTest
    @CsvSource({"3, 1999, 2000", "1, 499, 500", "100, 98999, 99000", ", 19999, 20000"})
    void aConnectionIsNotUsedAgainShortlyBeforeItsProvidersTimeout(Integer says, long used, long notUsed) {
        fields = says == null ? "" : "Keep-Alive: timeout=" + says + "\r\n";
        call();
        time.advance(Duration.ofMillis(used).toNanos());
        call();
        assertThat(connections).hasValue(1);
        time.advance(Duration.ofMillis(notUsed).toNanos());
        call();
        assertThat(connections).hasValue(2);
    }
}
