package dev.refrain.http.proxy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.CapturedLog;
import dev.refrain.testing.SelfSigned;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How I/O threads read from connections with TLS: they do not spin on one, and do not stay at one alone. */
class TlsReadsTest extends WireTest {
    @TempDir
    static Path made;

    private static final byte[] REQUEST = ("POST " + CHAT + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
                    + "X-OpenRouter-Cache: true\r\nContent-Type: application/json\r\nContent-Length: "
                    + CHAT_REQUEST.length() + "\r\n\r\n" + CHAT_REQUEST)
            .getBytes(StandardCharsets.US_ASCII);

    private static Path store;
    private static SSLContext context;

    @BeforeAll
    static void certificates() throws Exception {
        store = made.resolve("keys.p12");
        SelfSigned.write(store);
        context = SelfSigned.context(store);
    }

    @BeforeEach
    void secure() throws Exception {
        Path certificate = folder.resolve("certificate.pem");
        Path key = folder.resolve("key.pem");
        SelfSigned.writePem(store, certificate, key);
        Map<String, String> variables = new HashMap<>(
                Map.of("REFRAIN_TLS_CERTIFICATE", certificate.toString(), "REFRAIN_TLS_KEY", key.toString()));
        variables.put("REFRAIN_LIMITS_REQUEST_BODY", "100KiB");
        variables.put("REFRAIN_LIMITS_CACHEABLE_REQUEST", "10KiB");
        restart(variables);
    }

    /** If a listener runs again and again after the end of a connection, Undertow reports a loop and closes it. */
    @Test
    void aConnectionClosedAfterAnEarlyAnswerIsReadToItsEndOnce() throws Exception {
        try (CapturedLog log = new CapturedLog("io.undertow.request")) {
            for (int i = 0; i < 8; i++) {
                try (SSLSocket socket = connect()) {
                    String head = "POST " + CHAT
                            + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n{";
                    socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
                    readTo(socket.getInputStream(), "}}");
                }
                // On the same I/O threads as the closed connections.
                try (SSLSocket next = connect()) {
                    ask(next);
                }
            }
            assertThat(log.lines()).isEmpty();
        }
    }

    /**
     * Requests are encrypted beforehand, each in its own record, so that the server always has more to read. Four such
     * clients keep each I/O thread busy. When they are done, another client's answers prove nothing, so the test is
     * repeated with more requests.
     */
    @Test
    void aClientThatNeverPausesDoesNotDelayOthers() throws Exception {
        try (SSLSocket other = connect()) {
            ask(other);
            assertThat(isAnsweredAmid(20_000, other) || isAnsweredAmid(40_000, other) || isAnsweredAmid(80_000, other))
                    .isTrue();
        }
    }

    private boolean isAnsweredAmid(int requests, SSLSocket other) throws Exception {
        List<Flood> floods = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                floods.add(new Flood(requests));
            }
            floods.forEach(Flood::begin);
            for (int i = 0; i < 5; i++) {
                ask(other);
            }
            return floods.stream().noneMatch(flood -> flood.over);
        } finally {
            for (Flood flood : floods) {
                flood.end();
            }
        }
    }

    private final class Flood {
        private final HeldSocket socket = new HeldSocket();
        /** Referenced, because a socket is closed when it is garbage-collected. */
        private final SSLSocket secure;

        private final byte[] records;
        private final List<Thread> threads = List.of(new Thread(this::write), new Thread(this::read));
        /** Whether all requests are answered. */
        volatile boolean over;

        Flood(int requests) throws IOException {
            socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), proxy.port()));
            secure = (SSLSocket) context.getSocketFactory().createSocket(socket, "localhost", proxy.port(), false);
            ask(secure);
            socket.held = new ByteArrayOutputStream();
            for (int i = 0; i < requests; i++) {
                secure.getOutputStream().write(REQUEST);
            }
            secure.getOutputStream()
                    .write("GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                            .getBytes(StandardCharsets.US_ASCII));
            records = socket.held.toByteArray();
            socket.held = null;
        }

        void begin() {
            threads.forEach(Thread::start);
        }

        private void write() {
            try {
                socket.getOutputStream().write(records);
            } catch (IOException closed) {
                // The test is over.
            }
        }

        private void read() {
            try {
                socket.getInputStream().transferTo(OutputStream.nullOutputStream());
                over = true;
            } catch (IOException closed) {
                // The test is over.
            }
        }

        void end() throws Exception {
            socket.close();
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }

    /** Bytes that are written are sent, or collected in {@code held} if that is set. */
    private static final class HeldSocket extends Socket {
        ByteArrayOutputStream held;

        @Override
        public OutputStream getOutputStream() throws IOException {
            OutputStream out = super.getOutputStream();
            return new OutputStream() {
                @Override
                public void write(int b) throws IOException {
                    write(new byte[] {(byte) b}, 0, 1);
                }

                @Override
                public void write(byte[] bytes, int offset, int length) throws IOException {
                    (held == null ? out : held).write(bytes, offset, length);
                }
            };
        }
    }

    private SSLSocket connect() throws IOException {
        SSLSocket socket =
                (SSLSocket) context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), proxy.port());
        socket.setSoTimeout(30_000);
        return socket;
    }

    /** Sends the same request each time, and reads its answer. */
    private static void ask(SSLSocket socket) throws IOException {
        socket.getOutputStream().write(REQUEST);
        readTo(socket.getInputStream(), "}}");
    }

    private static void readTo(InputStream in, String end) throws IOException {
        StringBuilder read = new StringBuilder();
        byte[] piece = new byte[16 << 10];
        while (read.indexOf(end) < 0) {
            int count = in.read(piece);
            assertThat(count).isPositive();
            read.append(new String(piece, 0, count, StandardCharsets.ISO_8859_1));
        }
    }
}
