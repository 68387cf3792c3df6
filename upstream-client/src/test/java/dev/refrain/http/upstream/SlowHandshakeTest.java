package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.testing.SelfSigned;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several connection attempts, of which one exceeds the time limit while others succeed. */
class SlowHandshakeTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Duration CONNECT = Duration.ofSeconds(3);

    private final SSLContext tls = SelfSigned.context();
    /** No call is answered before both have arrived. */
    private final CyclicBarrier both = new CyclicBarrier(2);

    @Test
    @Timeout(60)
    void aSlowHandshakeFailsNoCallWhileOthersSucceed() throws IOException {
        try (ServerSocket server = tls.getServerSocketFactory().createServerSocket(0)) {
            UpstreamClient client = new UpstreamClient(
                    new UpstreamOptions(
                            new UpstreamOptions.Timeouts(CONNECT, LONG, LONG, LONG, LONG),
                            10,
                            ProxyRules.NONE,
                            tls,
                            false),
                    new MemoryBudget(16 << 20),
                    most -> {});
            Origin origin = new Origin(true, "localhost", server.getLocalPort());
            CompletableFuture<Integer> one = StatusSink.ask(client, origin);
            // The handshake of this connection is never answered.
            try (Socket stuck = server.accept()) {
                CompletableFuture<Integer> other = StatusSink.ask(client, origin);
                start(server.accept());
                start(server.accept());
                assertThat(one.join()).isEqualTo(204);
                assertThat(other.join()).isEqualTo(204);
                assertThat(stuck.isClosed()).isFalse();
            }
            client.close();
        }
    }

    private void start(Socket connection) {
        Thread thread = new Thread(() -> answer(connection), "provider");
        thread.setDaemon(true);
        thread.start();
    }

    private void answer(Socket connection) {
        try {
            InputStream in = connection.getInputStream();
            int head = 0;
            while (head != 0x0D0A0D0A) {
                int next = in.read();
                if (next < 0) {
                    throw new EOFException();
                }
                head = head << 8 | next;
            }
            both.await();
            connection.getOutputStream().write("HTTP/1.1 204 None\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException | InterruptedException | BrokenBarrierException e) {
            // The call of this thread fails, and reports that.
            both.reset();
        }
    }
}
