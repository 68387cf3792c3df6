package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.Http2Provider;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Providers behind an HTTP proxy, and providers with certificates of their own. */
class ReachedWireTest {
    private static final String ANSWER =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

    @TempDir
    Path folder;

    private final BlockingQueue<String> asked = new LinkedBlockingQueue<>();

    private RunningProxy proxy(String upstream, Map<String, String> variables) throws IOException {
        return new RunningProxy(folder.resolve("answers.refrain"), URI.create(upstream), variables);
    }

    @Test
    void withoutTlsTheHttpProxyGetsTheRequest() throws IOException {
        try (RawProvider between = new RawProvider(call -> {
                    asked.add(call.head());
                    call.write(ANSWER);
                });
                RunningProxy proxy = proxy(
                        "http://api.example/v1",
                        Map.of(
                                "http_proxy",
                                "http://me:secret@127.0.0.1:" + between.base().getPort()))) {
            assertThat(proxy.send(proxy.post(CHAT, "{}")).body()).isEqualTo("{}");
            assertThat(asked.poll())
                    .startsWith("POST http://api.example/v1/chat/completions HTTP/1.1\r\nHost: api.example\r\n")
                    .contains("Proxy-Authorization: Basic bWU6c2VjcmV0\r\n");
        }
    }

    /** An HTTP proxy that connects every tunnel to the provider, whatever the requested address. */
    private ServerSocket tunnel(int port, String answer) throws IOException {
        ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        daemon(() -> {
            while (true) {
                Socket client = server.accept();
                StringBuilder head = new StringBuilder();
                while (head.indexOf("\r\n\r\n") < 0) {
                    head.append((char) client.getInputStream().read());
                }
                asked.add(head.toString());
                client.getOutputStream().write(answer.getBytes(StandardCharsets.ISO_8859_1));
                Socket provider = new Socket(InetAddress.getLoopbackAddress(), port);
                daemon(() -> pump(client, provider));
                daemon(() -> pump(provider, client));
            }
        });
        return server;
    }

    private static void pump(Socket from, Socket to) throws IOException {
        InputStream in = from.getInputStream();
        in.transferTo(to.getOutputStream());
        to.shutdownOutput();
    }

    private interface Task {
        void run() throws IOException;
    }

    private static void daemon(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (IOException over) {
                // The test has closed the socket.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    /** Creates a certificate as files, with the key store beside them. */
    private Path certificate() throws Exception {
        Path store = folder.resolve("keys.p12");
        SelfSigned.write(store);
        SelfSigned.writePem(store, folder.resolve("certificate.pem"), folder.resolve("key.pem"));
        return store;
    }

    @Test
    void f42_withTlsTheHttpProxyOnlyTunnelsBytes() throws Exception {
        SSLContext tls = SelfSigned.context(certificate());
        try (RawProvider provider = new RawProvider(call -> call.write(ANSWER), tls);
                ServerSocket between = tunnel(provider.base().getPort(), "HTTP/1.1 200 Connected\r\n\r\n");
                RunningProxy proxy = proxy(
                        "https://api.example/v1",
                        Map.of(
                                "HTTPS_PROXY",
                                "http://127.0.0.1:" + between.getLocalPort(),
                                "REFRAIN_UPSTREAM_TLS_CA_FILE",
                                folder.resolve("certificate.pem").toString()))) {
            HttpResponse<String> answer = proxy.send(proxy.post(CHAT, "{}"));
            assertThat(asked.poll()).startsWith("CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n");
            // The certificate is checked inside the tunnel, and does not have the provider's name.
            assertThat(answer.body()).contains("certificate is not trusted");
        }
    }

    /** HTTP/2 works as well with a proxy in between, a certificate to trust, and a client certificate. */
    @Test
    void http2GoesThroughAProxyAndWithFiles() throws Exception {
        SSLContext tls = SelfSigned.context(certificate());
        String trusted = folder.resolve("certificate.pem").toString();
        try (Http2Provider provider = new Http2Provider(
                        connection -> {
                            connection.greet();
                            while (true) {
                                Http2Provider.Request request = connection.request();
                                asked.add(connection.protocol + " " + request.header(":authority"));
                                connection.answer(request.stream(), "{}");
                            }
                        },
                        tls,
                        true,
                        "h2");
                ServerSocket between = tunnel(provider.port(), "HTTP/1.1 200 Connected\r\n\r\n")) {
            Map<String, String> variables = new HashMap<>(Map.of(
                    "HTTPS_PROXY",
                    "http://127.0.0.1:" + between.getLocalPort(),
                    "REFRAIN_UPSTREAM_TLS_CA_FILE",
                    trusted));
            // Without its client certificate, the proxy is refused.
            try (RunningProxy proxy = proxy("https://provider.test/v1", variables)) {
                assertThat(proxy.send(proxy.post(CHAT, "{}")).statusCode()).isEqualTo(502);
            }
            assertThat(asked.take()).startsWith("CONNECT provider.test:443 ");
            asked.clear();
            variables.put("REFRAIN_UPSTREAM_TLS_CLIENT_CERTIFICATE", trusted);
            variables.put(
                    "REFRAIN_UPSTREAM_TLS_CLIENT_KEY", folder.resolve("key.pem").toString());
            try (RunningProxy proxy = proxy("https://provider.test/v1", variables)) {
                for (int i = 0; i < 3; i++) {
                    HttpResponse<String> answer = proxy.send(proxy.post(CHAT, "{}"));
                    assertThat(answer.body()).isEqualTo("{}");
                }
            }
            assertThat(asked)
                    .filteredOn(each -> each.equals("h2 provider.test"))
                    .hasSize(3);
            assertThat(asked).anyMatch(each -> each.startsWith("CONNECT provider.test:443 "));
        }
    }

    /** An HTTP proxy need not support websockets. */
    @Test
    void forWebSocketsTheHttpProxyOnlyTunnelsBytes() throws Exception {
        try (RawProvider provider = new RawProvider(call -> {
                    asked.add(call.head());
                    call.write(TunnelWireTest.SWITCHES);
                    call.write(call.read(5));
                });
                ServerSocket between = tunnel(provider.base().getPort(), "HTTP/1.1 200 Connected\r\n\r\n");
                RunningProxy proxy = proxy(
                        "http://api.example/v1", Map.of("http_proxy", "http://127.0.0.1:" + between.getLocalPort()));
                RawClient client = new RawClient(proxy.port())) {
            client.send(TunnelWireTest.HANDSHAKE);
            assertThat(client.readHead()).startsWith("HTTP/1.1 101 ");
            client.send("hello");
            assertThat(client.read(5)).isEqualTo("hello");
            assertThat(asked.poll()).startsWith("CONNECT api.example:80 HTTP/1.1\r\n");
            assertThat(asked.poll()).startsWith("GET /v1/realtime?model=m HTTP/1.1\r\nHost: api.example\r\n");
        }
    }

    @Test
    void aProxyThatRefusesIsNamed() throws Exception {
        try (RawProvider between = new RawProvider(call -> call.write("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"));
                RunningProxy proxy = proxy(
                        "https://api.example/v1",
                        Map.of(
                                "REFRAIN_PROXY_HTTPS",
                                "127.0.0.1:" + between.base().getPort()))) {
            HttpResponse<String> answer = proxy.send(proxy.post(CHAT, "{}"));
            assertThat(answer.statusCode()).isEqualTo(502);
            assertThat(answer.body()).contains("could not be reached", "proxy");
        }
    }

    @Test
    void filesConfigureTheTrustedAndTheClientCertificate() throws Exception {
        SSLContext tls = SelfSigned.context(certificate());
        try (SSLServerSocket server = (SSLServerSocket)
                tls.getServerSocketFactory().createServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            server.setNeedClientAuth(true);
            daemon(() -> {
                while (true) {
                    try (Socket socket = server.accept()) {
                        RawProvider.readRequest(socket.getInputStream());
                        socket.getOutputStream().write(ANSWER.getBytes(StandardCharsets.ISO_8859_1));
                    } catch (SSLException stranger) {
                        asked.add("stranger");
                    }
                }
            });
            String upstream = "https://127.0.0.1:" + server.getLocalPort() + "/v1";
            String certificate = folder.resolve("certificate.pem").toString();
            try (RunningProxy proxy = proxy(upstream, Map.of("REFRAIN_UPSTREAM_TLS_CA_FILE", certificate))) {
                assertThat(proxy.send(proxy.post(CHAT, "{}")).statusCode()).isEqualTo(502);
                assertThat(asked.take()).isEqualTo("stranger");
            }
            Map<String, String> both = Map.of(
                    "REFRAIN_UPSTREAM_TLS_CA_FILE", certificate,
                    "REFRAIN_UPSTREAM_TLS_CLIENT_CERTIFICATE", certificate,
                    "REFRAIN_UPSTREAM_TLS_CLIENT_KEY", folder.resolve("key.pem").toString());
            try (RunningProxy proxy = proxy(upstream, both)) {
                HttpResponse<String> answer = proxy.send(proxy.post(CHAT, "{}"));
                assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            }
        }
        assertThatThrownBy(() -> proxy(
                        "https://127.0.0.1/v1",
                        Map.of(
                                "REFRAIN_UPSTREAM_TLS_CA_FILE",
                                folder.resolve("key.pem").toString())))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("key.pem holds no certificates");
    }
}
