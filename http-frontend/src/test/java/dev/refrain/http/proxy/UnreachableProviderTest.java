package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.Filter;
import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An unreachable provider is reported with the cause: in the answer, in the log, and in the log of requests. */
class UnreachableProviderTest {
    private static final String LOG = "dev.refrain.http.upstream.Reachability";
    private static final String ANSWER =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

    @TempDir
    Path folder;

    /** Makes three calls, the last without caching. The log has one line for all of them. */
    private void assertSaid(String upstream, String reason, String says) throws IOException {
        // A handshake may take a second where the machine is busy.
        String limit = reason.equals("handshake-timed-out") ? "1s" : "20s";
        try (CapturedLog log = new CapturedLog(LOG);
                RunningProxy proxy = new RunningProxy(
                        folder.resolve("answers.refrain"),
                        URI.create(upstream),
                        Map.of("REFRAIN_TIMEOUTS_CONNECT", limit))) {
            for (int i = 0; i < 3; i++) {
                HttpResponse<String> answer =
                        i < 2 ? proxy.cached(CHAT, "{\"n\":" + i + "}") : proxy.send(proxy.post(CHAT, "{}"));
                assertThat(answer.statusCode()).isEqualTo(502);
                assertThat(answer.body()).contains("could not be reached", says);
            }
            assertThat(proxy.activity(3).query(Filter.ALL, 3, null).data())
                    .extracting(Activity::reason)
                    .containsOnly(reason);
            assertThat(log.lines())
                    .singleElement()
                    .asString()
                    .startsWith("WARNING " + upstream.replace("/v1", ""))
                    .contains(says);
        }
    }

    @Test
    void w31_f41_aRefusedConnectionIsReportedAsSuch() throws IOException {
        int port;
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = closed.getLocalPort();
        }
        assertSaid("http://127.0.0.1:" + port + "/v1", "connection-refused", "check the port");
    }

    /** No name server is asked about an invalid name: a part of this one is too long (RFC 1035, 2.3.4). */
    @Test
    void w31_anUnknownHostIsReportedAsSuch() throws IOException {
        assertSaid("http://" + "n".repeat(64) + ".test/v1", "unknown-host", "host name is not known");
    }

    @Test
    void w31_f41_anUntrustedCertificateIsReportedAsSuch() throws IOException {
        try (RawProvider provider = new RawProvider(call -> call.write(ANSWER), SelfSigned.context())) {
            assertSaid(provider.base().toString(), "certificate", "certificate is not trusted");
        }
    }

    @Test
    void w31_aPortWithoutTlsIsReportedAsSuch() throws IOException {
        assertSaidOfTls("HTTP/1.1 400 Bad Request\r\n\r\n", "no-tls", "does not speak TLS");
    }

    /**
     * A fatal alert, handshake_failure, as OpenSSL sends it to a client without a certificate, or with an old version.
     */
    @Test
    void w31_f41_aRefusedHandshakeIsReportedAsSuch() throws IOException {
        assertSaidOfTls("\u0015\u0003\u0003\u0000\u0002\u0002(", "handshake-failed", "upstream-tls.client-certificate");
    }

    /** @param answer bytes sent in reply to the client's first bytes */
    private void assertSaidOfTls(String answer, String reason, String says) throws IOException {
        try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread thread = new Thread(() -> {
                try {
                    while (true) {
                        try (var socket = server.accept()) {
                            socket.getInputStream().read(new byte[1 << 14]);
                            socket.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
                            socket.getInputStream().readAllBytes();
                        }
                    }
                } catch (IOException closed) {
                    // The test has closed the socket.
                }
            });
            thread.setDaemon(true);
            thread.start();
            assertSaid("https://127.0.0.1:" + server.getLocalPort() + "/v1", reason, says);
        }
    }

    @Test
    void w31_noTlsToAPortWithIt() throws IOException {
        // A fatal alert, unexpected_message, as OpenSSL sends it.
        try (RawProvider provider = new RawProvider(call -> call.write("\u0015\u0003\u0001\u0000\u0002\u0002\n"))) {
            assertSaid(provider.base().toString(), "tls", "https://");
        }
    }

    @Test
    void w31_aStalledHandshakeIsReportedAsSuch() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            assertSaid("https://127.0.0.1:" + silent.getLocalPort() + "/v1", "handshake-timed-out", "timeouts.connect");
        }
    }

    @Test
    void itIsLoggedWhenAProviderAnswersAgain() throws IOException {
        try (CapturedLog log = new CapturedLog(LOG);
                RawProvider provider = new RawProvider(ANSWER);
                RunningProxy proxy = new RunningProxy(folder.resolve("answers.refrain"), provider.base(), Map.of())) {
            provider.refuse();
            proxy.send(proxy.post(CHAT, "{}"));
            provider.recover();
            assertThat(proxy.send(proxy.post(CHAT, "{}")).statusCode()).isEqualTo(200);
            proxy.send(proxy.post(CHAT, "{}"));
            assertThat(log.lines()).hasSize(2);
            assertThat(log.lines().get(1)).startsWith("INFO").contains("answers again");
        }
    }
}
