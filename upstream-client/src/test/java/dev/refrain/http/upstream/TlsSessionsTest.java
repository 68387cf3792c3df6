package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.testing.SelfSigned;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Handshakes resume sessions, even those that run at the same time. */
class TlsSessionsTest {
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final int CALLS = 30;
    private static final SSLContext PROVIDER = SelfSigned.context();
    private static final SSLContext RESTARTED = SelfSigned.context();
    private static final byte[] ANSWER =
            "HTTP/1.1 204 None\r\nConnection: close\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    /** Number of handshakes with a certificate, which means that they resumed no session. */
    private final AtomicInteger whole = new AtomicInteger();

    private final AtomicInteger connections = new AtomicInteger();
    private final UpstreamClient client = new UpstreamClient(
            new UpstreamOptions(
                    new UpstreamOptions.Timeouts(LONG, LONG, LONG, LONG, LONG),
                    CALLS,
                    ProxyRules.NONE,
                    counting(),
                    false),
            new MemoryBudget(64 << 20),
            most -> {});
    /** The provider's context. */
    private volatile SSLContext tls = PROVIDER;
    /**
     * No handshake of a burst is answered before all have begun: an early one could provide a session for a later one.
     */
    private volatile CountDownLatch begun;
    /** No request of a burst is answered before all have arrived. */
    private volatile CountDownLatch all;

    @AfterEach
    void close() {
        client.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.3", "TLSv1.2"})
    @Timeout(60)
    void eachHandshakeOfABurstResumesASessionOfTheLastBurst(String version) throws IOException {
        try (ServerSocket server = server(version)) {
            Origin origin = new Origin(true, "localhost", server.getLocalPort());
            burst(origin);
            assertThat(whole).hasValue(CALLS);
            burst(origin);
            assertThat(whole).hasValue(CALLS);
            // Each call of both bursts opened one connection.
            assertThat(connections).hasValue(2 * CALLS);
        }
    }

    /** For example, the provider was restarted, and cannot read its old tickets. */
    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.3", "TLSv1.2"})
    @Timeout(60)
    void aProviderThatHasLostItsSessionsGetsFullHandshakes(String version) throws IOException {
        try (ServerSocket server = server(version)) {
            Origin origin = new Origin(true, "localhost", server.getLocalPort());
            burst(origin);
            tls = RESTARTED;
            burst(origin);
            assertThat(whole).hasValueGreaterThan(CALLS);
        }
    }

    private void burst(Origin origin) {
        begun = new CountDownLatch(CALLS);
        all = new CountDownLatch(CALLS);
        List<CollectedAnswer> answers = new ArrayList<>();
        for (int i = 0; i < CALLS; i++) {
            CollectedAnswer answer = new CollectedAnswer();
            UpstreamRequest request = new UpstreamRequest("GET", origin, "/v1/models", List.of(), null);
            new UpstreamCall(client, request, false, interim -> {}).fetch(answer);
            answers.add(answer);
        }
        answers.forEach(answer -> assertThat(answer.text()).isEmpty());
        // An answer may end in the same read that brings its session, which is stored only after that read.
        client.loops().forEach(loop -> loop.submit(() -> {}).syncUninterruptibly());
    }

    private ServerSocket server(String version) throws IOException {
        ServerSocket server = new ServerSocket(0, 2 * CALLS, InetAddress.getLoopbackAddress());
        daemon(() -> {
            while (true) {
                Socket connection = server.accept();
                connections.incrementAndGet();
                daemon(() -> answer(secured(connection, version)));
            }
        });
        return server;
    }

    private SSLSocket secured(Socket connection, String version) throws IOException, InterruptedException {
        InputStream hello = new ByteArrayInputStream(connection.getInputStream().readNBytes(1));
        begun.countDown();
        begun.await();
        SSLSocket secured = (SSLSocket) tls.getSocketFactory().createSocket(connection, hello, true);
        secured.setEnabledProtocols(new String[] {version});
        return secured;
    }

    private void answer(Socket connection) throws IOException, InterruptedException {
        try (connection) {
            InputStream in = connection.getInputStream();
            for (int head = 0; head != 0x0D0A0D0A; ) {
                int next = in.read();
                if (next < 0) {
                    throw new EOFException();
                }
                head = head << 8 | next;
            }
            all.countDown();
            all.await();
            connection.getOutputStream().write(ANSWER);
        }
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private static void daemon(Work work) {
        Thread thread = new Thread(
                () -> {
                    try {
                        work.run();
                    } catch (IOException | InterruptedException ended) {
                        // A call without its answer fails and reports that.
                    }
                },
                "provider");
        thread.setDaemon(true);
        thread.start();
    }

    private SSLContext counting() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new Counting()}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Trusts every certificate, and counts. */
    private final class Counting extends X509ExtendedTrustManager {
        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {
            whole.incrementAndGet();
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
