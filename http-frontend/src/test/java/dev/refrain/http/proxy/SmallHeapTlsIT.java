package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A heap of 64 MiB, and more unfinished handshakes than it has room for connections. */
class SmallHeapTlsIT {
    /** A heap of 64 MiB has room for 1,024 TLS connections. */
    private static final int HALTING = 1_200;

    // Numbers of TLS: types of records (RFC 8446, 5.1), the extension, and schemes of signatures (4.2.3).
    private static final int ALERT = 21;
    private static final int HANDSHAKE = 22;
    private static final short SIGNATURE_ALGORITHMS = 13;
    private static final short RSA_SHA1 = 0x0201;
    private static final short ECDSA_SHA1 = 0x0203;

    @TempDir
    Path folder;

    @Test
    void unfinishedHandshakesLeaveRoomForOthers() throws Exception {
        Path store = folder.resolve("keys.p12");
        Path certificate = folder.resolve("certificate.pem");
        Path key = folder.resolve("key.pem");
        SelfSigned.write(store);
        SelfSigned.writePem(store, certificate, key);
        SSLContext context = SelfSigned.context(store);
        Path config = Files.writeString(
                folder.resolve("tls.yaml"), "tls: {certificate: %s, key: %s}%n".formatted(certificate, key));
        List<Socket> halting = new ArrayList<>();
        try (ScriptedProvider provider = new ScriptedProvider()
                        .does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
                RunningJar jar =
                        RunningJar.start(List.of("-Xmx64m"), folder, provider.base(), "--config", config.toString());
                SSLSocket before = connect(context, jar)) {
            assertThat(ask(before)).startsWith("HTTP/1.1 200 ");
            assertNobodyNegotiatesAnew(context, jar);
            assertNothingIsSignedBySha1(context, jar);
            byte[] hello = hello(context.createSSLEngine("localhost", 443));
            for (int i = 0; i < HALTING; i++) {
                Socket one = new Socket(InetAddress.getLoopbackAddress(), jar.port());
                halting.add(one);
                one.getOutputStream().write(hello);
            }
            assertThat(ask(before)).startsWith("HTTP/1.1 200 ");
            for (Socket one : halting) {
                one.close();
            }
            try (SSLSocket after = connect(context, jar)) {
                assertThat(ask(after)).startsWith("HTTP/1.1 200 ");
            }
            assertThat(jar.isAlive()).isTrue();
            assertThat(jar.err()).doesNotContain("OutOfMemoryError");
        } finally {
            for (Socket one : halting) {
                one.close();
            }
        }
    }

    /** Even TLS 1.2, which lets a client request one handshake after the other, permits no second one here. */
    private static void assertNobodyNegotiatesAnew(SSLContext context, RunningJar jar) throws IOException {
        try (SSLSocket socket = connect(context, jar)) {
            socket.setEnabledProtocols(new String[] {"TLSv1.2"});
            assertThat(ask(socket)).startsWith("HTTP/1.1 200 ");
            assertThatThrownBy(() -> {
                        socket.startHandshake();
                        ask(socket);
                    })
                    .isInstanceOf(IOException.class);
        }
    }

    /** SHA-1 is refused even to a client of TLS 1.2 that knows nothing else (RFC 9155). */
    private static void assertNothingIsSignedBySha1(SSLContext context, RunningJar jar) throws IOException {
        SSLEngine engine = context.createSSLEngine("localhost", 443);
        engine.setEnabledProtocols(new String[] {"TLSv1.2"});
        byte[] hello = hello(engine);
        assertThat(typeOfFirstRecord(hello, jar)).isEqualTo(HANDSHAKE);
        signedBySha1(hello);
        assertThat(typeOfFirstRecord(hello, jar)).isEqualTo(ALERT);
    }

    private static int typeOfFirstRecord(byte[] hello, RunningJar jar) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), jar.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(hello);
            return socket.getInputStream().read();
        }
    }

    /** Puts SHA-1 into the extension {@code signature_algorithms} of a message, in place of what is there. */
    private static void signedBySha1(byte[] hello) {
        // Behind the heads of record and message, the version and the random number.
        ByteBuffer at = ByteBuffer.wrap(hello).position(43);
        // The id of a session, suites, compressions; then the length of all extensions.
        skip(at, at.get());
        skip(at, at.getShort());
        skip(at, at.get());
        at.getShort();
        while (at.getShort() != SIGNATURE_ALGORITHMS) {
            skip(at, at.getShort());
        }
        at.getShort();
        for (int left = at.getShort(); left > 0; left -= 4) {
            at.putShort(RSA_SHA1);
            if (left > 2) {
                at.putShort(ECDSA_SHA1);
            }
        }
    }

    private static void skip(ByteBuffer at, int bytes) {
        at.position(at.position() + bytes);
    }

    private static SSLSocket connect(SSLContext context, RunningJar jar) throws IOException {
        SSLSocket socket =
                (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), jar.port());
        socket.setSoTimeout(20_000);
        return socket;
    }

    private static String ask(Socket over) throws IOException {
        over.getOutputStream()
                .write(("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nX-OpenRouter-Cache: true\r\nContent-Length: "
                                + CHAT_REQUEST.length() + "\r\n\r\n" + CHAT_REQUEST)
                        .getBytes(StandardCharsets.US_ASCII));
        InputStream in = over.getInputStream();
        StringBuilder read = new StringBuilder();
        while (!read.toString().endsWith("}}}")) {
            int next = in.read();
            assertThat(next).as(read.toString()).isNotNegative();
            read.append((char) next);
        }
        return read.toString();
    }

    /** The first message of a handshake. */
    private static byte[] hello(SSLEngine engine) throws SSLException {
        engine.setUseClientMode(true);
        ByteBuffer record = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(ByteBuffer.allocate(0), record);
        byte[] hello = new byte[record.flip().remaining()];
        record.get(hello);
        return hello;
    }
}
