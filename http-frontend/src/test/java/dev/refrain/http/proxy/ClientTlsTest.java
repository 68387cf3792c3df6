package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The proxy with TLS. {@code -Drefrain.wire=tls} runs the tests of the wire contract over TLS, too. */
class ClientTlsTest extends WireTest {
    @TempDir
    static Path made;

    private static Path store;
    private static Path other;

    private Path certificate;
    private Path key;

    @BeforeAll
    static void make() throws IOException, InterruptedException {
        store = made.resolve("keys.p12");
        SelfSigned.write(store);
        other = made.resolve("other.p12");
        SelfSigned.write(other);
    }

    @BeforeEach
    void secure() throws Exception {
        certificate = folder.resolve("certificate.pem");
        key = folder.resolve("key.pem");
        SelfSigned.writePem(store, certificate, key);
        restart(variables());
    }

    private Map<String, String> variables(String... more) {
        Map<String, String> variables = new HashMap<>(
                Map.of("REFRAIN_TLS_CERTIFICATE", certificate.toString(), "REFRAIN_TLS_KEY", key.toString()));
        for (int i = 0; i < more.length; i += 2) {
            variables.put(more[i], more[i + 1]);
        }
        return variables;
    }

    private HttpResponse<String> post(HttpClient client, String body) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(URI.create("https://localhost:" + proxy.port() + CHAT))
                        .POST(BodyPublishers.ofString(body))
                        .header("Authorization", "Bearer sk-test")
                        .header("Content-Type", "application/json")
                        .header("X-OpenRouter-Cache", "true")
                        .build(),
                BodyHandlers.ofString());
    }

    private HttpClient trusting(Path keys) throws Exception {
        return HttpClient.newBuilder().sslContext(SelfSigned.context(keys)).build();
    }

    private SSLSocket connect(SSLContext context) throws IOException {
        SSLSocket socket =
                (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), proxy.port());
        socket.setSoTimeout(30_000);
        return socket;
    }

    /** TLS records have up to 16 KiB, more than the server's own buffers. Hits take the shortcut. */
    @ParameterizedTest
    @ValueSource(ints = {10, 16_000, 16_384, 40_000, 1_000_000})
    void requestsOfAnyLengthAreAnswered(int length) throws Exception {
        String body = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" + "x".repeat(length) + "\"}]}";
        HttpClient client = trusting(store);
        String first = post(client, body).body();
        for (int i = 0; i < 10; i++) {
            HttpResponse<String> hit = post(client, body);
            assertHit(hit);
            assertThat(hit.body()).contains("Hello");
        }
        assertThat(first).isEqualTo(CHAT_ANSWER);
        assertThat(provider.calls()).isEqualTo(1);
    }

    @Test
    void aNewCertificateIsUsedAsSoonAsTheFilesAreReadAgain() throws Exception {
        assertThat(shown()).isEqualTo(held(store));
        HttpClient before = trusting(store);
        post(before, CHAT_REQUEST);

        // Half of an exchange: the new certificate with the old key.
        SelfSigned.writePem(other, certificate, folder.resolve("unused.pem"));
        touch(1);
        proxy.renewCertificate();
        assertThat(shown()).isEqualTo(held(store));

        SelfSigned.writePem(other, certificate, key);
        touch(2);
        proxy.renewCertificate();
        assertThat(shown()).isEqualTo(held(other));
        assertHit(post(trusting(other), CHAT_REQUEST));
        // On the connection that was already open.
        assertHit(post(before, CHAT_REQUEST));

        String good = Files.readString(key);
        int hour = 3;
        for (String bad : new String[] {"nothing", good.replaceFirst("KEY-----\n.", "KEY-----\n")}) {
            Files.writeString(key, bad);
            touch(hour++);
            proxy.renewCertificate();
            assertThat(shown()).isEqualTo(held(other));
        }
    }

    /** Sets the same time for both files, as if both were written within one tick of the file system's clock. */
    private void touch(int hour) throws IOException {
        for (Path file : new Path[] {certificate, key}) {
            Files.setLastModifiedTime(file, FileTime.fromMillis(hour * 3_600_000L));
        }
    }

    private Certificate shown() throws Exception {
        SSLContext any = SSLContext.getInstance("TLS");
        any.init(null, new TrustManager[] {new Trusting()}, null);
        try (SSLSocket socket = connect(any)) {
            return socket.getSession().getPeerCertificates()[0];
        }
    }

    private static Certificate held(Path keys) throws Exception {
        KeyStore held = KeyStore.getInstance(keys.toFile(), SelfSigned.PASSWORD.toCharArray());
        return held.getCertificate(held.aliases().nextElement());
    }

    @Test
    void onlyCurrentVersionsAndSuitesAreSpoken() throws Exception {
        SSLContext context = SelfSigned.context(store);
        for (String version : new String[] {"TLSv1.2", "TLSv1.3"}) {
            try (SSLSocket socket = connect(context)) {
                socket.setEnabledProtocols(new String[] {version});
                socket.startHandshake();
                assertThat(socket.getSession().getProtocol()).isEqualTo(version);
            }
        }
        for (String suite :
                new String[] {"TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"}) {
            try (SSLSocket socket = connect(context)) {
                socket.setEnabledProtocols(new String[] {"TLSv1.2"});
                socket.setEnabledCipherSuites(new String[] {suite});
                assertThatThrownBy(socket::startHandshake).as(suite).isInstanceOf(SSLHandshakeException.class);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
    void aClientThatOffersOnlyOtherProtocolsIsRefused(String version) throws Exception {
        assertThat(protocol(version, "smtp", "h2")).isEqualTo("h2");
        assertThat(protocol(version, "smtp", "http/1.1")).isEqualTo("http/1.1");
        // As curl --http1.0 does.
        assertThat(protocol(version, "http/1.0")).isEqualTo("http/1.0");
        // The client gets an alert, or the end of the connection, which may overtake the alert.
        assertThatThrownBy(() -> protocol(version, "smtp", "ftp"))
                .isInstanceOf(IOException.class)
                .isNotInstanceOf(SocketTimeoutException.class);
    }

    /** The protocol that a handshake agrees on, by ALPN. */
    private String protocol(String version, String... offered) throws Exception {
        try (SSLSocket socket = connect(SelfSigned.context(store))) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setApplicationProtocols(offered);
            parameters.setProtocols(new String[] {version});
            socket.setSSLParameters(parameters);
            socket.startHandshake();
            return socket.getApplicationProtocol();
        }
    }

    /**
     * A TLS record counts as written when a part of it is in the socket, so the rest has to be flushed. The answers end
     * close to where the socket of a client that does not read yet is full.
     */
    @Test
    void aClientThatReadsLateGetsAllOfItsAnswer() throws Exception {
        restart(variables("REFRAIN_LIMITS_STORED_ANSWER", "8MiB"));
        String text = "x".repeat(7 << 20);
        provider.does((exchange, request) -> {
            int length = Integer.parseInt(request.body().replaceAll(".*seed\":([0-9]+).*", "$1"));
            ScriptedProvider.json(
                    exchange,
                    200,
                    "{\"choices\":[{\"finish_reason\":\"stop\",\"text\":\"" + text.substring(0, length) + "\"}]}");
        });
        int taken = text.length() - Math.toIntExact(readLate(text.length(), true));
        assertThat(taken).isPositive();
        for (int length = taken - (20 << 10); length < Math.min(text.length(), taken + (4 << 10)); length += 2 << 10) {
            readLate(length, false);
        }
    }

    /**
     * Returns how many bytes of the answer the server held before the client read. The answer takes the shortcut.
     *
     * @param isLong whether the server certainly has to hold some of it, but not all
     */
    private long readLate(int length, boolean isLong) throws Exception {
        post(trusting(store), seeded(length));
        try (Socket plain = new Socket()) {
            plain.setReceiveBufferSize(16 << 10);
            plain.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), proxy.port()));
            plain.setSoTimeout(20_000);
            SSLSocket socket = (SSLSocket)
                    SelfSigned.context(store).getSocketFactory().createSocket(plain, "localhost", proxy.port(), false);
            for (int i = 0; i < 3; i++) {
                socket.getOutputStream().write(request(seeded(1)));
                readTo(socket.getInputStream(), "\"}]}");
            }
            socket.getOutputStream().write(request(seeded(length)));
            int there;
            long held;
            do {
                there = plain.getInputStream().available();
                held = proxy.memory().usedBytes();
                // No state of the server shows that the socket is full, so the test has to wait for some time.
                Thread.sleep(50);
            } while (there == 0
                    || (isLong && (held == 0 || held >= length))
                    || there < plain.getInputStream().available()
                    || held != proxy.memory().usedBytes());
            readTo(socket.getInputStream(), "\"}]}");
            return held;
        }
    }

    private static String seeded(int length) {
        return "{\"model\":\"m\",\"messages\":[],\"seed\":" + length + "}";
    }

    private static byte[] request(String body) {
        return ("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\nX-OpenRouter-Cache: true\r\n"
                        + "Content-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
    }

    private static void readTo(InputStream in, String end) throws IOException {
        byte[] piece = new byte[16 << 10];
        String tail = "";
        while (!tail.endsWith(end)) {
            int count = in.read(piece);
            assertThat(count).isPositive();
            String read = tail + new String(piece, 0, count, StandardCharsets.ISO_8859_1);
            tail = read.substring(Math.max(0, read.length() - end.length()));
        }
    }

    @Test
    void aClientCertificateCanBeRequired() throws Exception {
        restart(variables("REFRAIN_TLS_CLIENT_CA_FILE", certificate.toString()));
        assertThat(post(trusting(store), CHAT_REQUEST).statusCode()).isEqualTo(200);
        SSLContext stranger = SSLContext.getInstance("TLS");
        stranger.init(null, new TrustManager[] {new Trusting()}, null);
        HttpClient strange = HttpClient.newBuilder().sslContext(stranger).build();
        assertThatThrownBy(() -> post(strange, CHAT_REQUEST)).isInstanceOf(IOException.class);
        try (SSLSocket socket = connect(SelfSigned.context(other))) {
            assertThatThrownBy(socket::startHandshake).isInstanceOf(IOException.class);
        }
        assertThat(provider.calls()).isEqualTo(1);
    }

    /** A client that speaks no TLS, and a silent one, do not disturb others. */
    @Test
    void aClientWithoutTlsIsNotAnswered() throws Exception {
        try (Socket silent = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
                Socket plain = new Socket(InetAddress.getLoopbackAddress(), proxy.port())) {
            plain.setSoTimeout(20_000);
            plain.getOutputStream()
                    .write("GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            String answer = new String(plain.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            assertThat(answer).doesNotContain("HTTP/1.1");
            assertThat(post(trusting(store), CHAT_REQUEST).statusCode()).isEqualTo(200);
            assertThat(silent.isConnected()).isTrue();
        }
    }

    @Test
    void aHandshakeThatDoesNotComeEndsTheConnection() throws Exception {
        restart(variables("REFRAIN_TIMEOUTS_KEEP_ALIVE", "1s"));
        try (Socket silent = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
                Socket halting = new Socket(InetAddress.getLoopbackAddress(), proxy.port())) {
            silent.setSoTimeout(30_000);
            halting.setSoTimeout(30_000);
            // The header of a handshake record that never comes.
            halting.getOutputStream().write(new byte[] {22, 3, 1, 1, 0, 1});
            assertThat(silent.getInputStream().read()).isNegative();
            assertThat(halting.getInputStream().read()).isNegative();
        }
    }

    @Test
    void filesThatCannotBeUsedAreNamedAtTheStart() throws Exception {
        proxy.close();
        Path otherKey = folder.resolve("other-key.pem");
        SelfSigned.writePem(other, folder.resolve("other.pem"), otherKey);
        assertThatThrownBy(() -> startProxy(variables("REFRAIN_TLS_KEY", otherKey.toString())))
                .hasMessage("The key in %s is not that of the first certificate in %s", otherKey, certificate);
        assertThatThrownBy(() -> startProxy(variables("REFRAIN_TLS_KEY", certificate.toString())))
                .hasMessageContaining(certificate + " holds no unencrypted private key in PKCS #8 and PEM");
        Path endless = Files.write(folder.resolve("endless.pem"), new byte[(4 << 20) + 1]);
        assertThatThrownBy(() -> startProxy(variables("REFRAIN_TLS_CERTIFICATE", endless.toString())))
                .hasMessage("%s has more than 4 MiB", endless);
        assertThatThrownBy(() -> startProxy(variables("REFRAIN_TLS_CERTIFICATE", "/nowhere.pem")))
                .hasMessage("/nowhere.pem does not exist, or may not be read");
        assertThatThrownBy(() -> startProxy(Map.of("REFRAIN_TLS_CERTIFICATE", certificate.toString())))
                .hasMessageContaining("key beside it");
        proxy = startProxy(variables());
    }

    /** Trusts every certificate. */
    private static final class Trusting extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
