package dev.refrain.http2;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.xnio.ChannelListeners;
import org.xnio.OptionMap;
import org.xnio.StreamConnection;
import org.xnio.Xnio;
import org.xnio.XnioWorker;
import org.xnio.channels.AcceptingChannel;

/** Reading a connection's first bytes, which decide its protocol. */
class FirstBytesTest {
    private static final int SECONDS = 60;
    /** Longer than one read of the server. */
    private static final byte[] LONG =
            ("POST /v1/models HTTP/1.1\r\n" + "x".repeat(50_000)).getBytes(StandardCharsets.US_ASCII);

    private final BlockingQueue<StreamConnection> handedOn = new LinkedBlockingQueue<>();
    private XnioWorker worker;
    private AcceptingChannel<StreamConnection> server;

    @BeforeEach
    void listen() throws IOException {
        worker = Xnio.getInstance().createWorker(OptionMap.EMPTY);
        Http2Listener listener = new Http2Listener(new MemoryBudget(1 << 20), Duration.ofMinutes(1), handedOn::add);
        server = worker.createStreamConnectionServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                ChannelListeners.openListenerAdapter(listener),
                OptionMap.EMPTY);
        server.resumeAccepts();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        worker.shutdownNow();
    }

    private Socket connect() throws IOException {
        return new Socket(
                InetAddress.getLoopbackAddress(),
                server.getLocalAddress(InetSocketAddress.class).getPort());
    }

    private StreamConnection handedOn() throws InterruptedException {
        StreamConnection connection = handedOn.poll(SECONDS, TimeUnit.SECONDS);
        assertThat(connection).isNotNull();
        return connection;
    }

    /** Runs an action on the connection's I/O thread. */
    private static <T> T on(StreamConnection connection, Function<StreamConnection, T> what) throws Exception {
        CompletableFuture<T> done = new CompletableFuture<>();
        connection.getIoThread().execute(() -> {
            try {
                done.complete(what.apply(connection));
            } catch (RuntimeException | Error e) {
                done.completeExceptionally(e);
            }
        });
        return done.get(SECONDS, TimeUnit.SECONDS);
    }

    /** Number of bytes that can be read at once; -1 if the connection is broken. */
    private static int read(StreamConnection connection, ByteBuffer into) {
        try {
            return connection.getSourceChannel().read(into);
        } catch (IOException reset) {
            return -1;
        }
    }

    /** Bytes that the system holds for the server's end of a connection (proc(5)). */
    private static int unread(Socket client) {
        String ends = ":%04X [0-9A-F]+:%04X ".formatted(client.getPort(), client.getLocalPort());
        Pattern line = Pattern.compile(ends + "[0-9A-F]{2} [0-9A-F]{8}:([0-9A-F]{8}) ");
        for (String table : new String[] {"/proc/net/tcp", "/proc/net/tcp6"}) {
            try {
                Matcher found = line.matcher(Files.readString(Path.of(table)));
                if (found.find()) {
                    return Integer.parseInt(found.group(1), 16);
                }
            } catch (IOException none) {
                // The other table has this connection.
            }
        }
        return -1;
    }

    /**
     * These bytes are in no budget, so no more than the length of a preface is read. The rest stays with the system.
     */
    @Test
    @EnabledOnOs(OS.LINUX)
    void noMoreIsHeldThanAPreface() throws Exception {
        try (Socket client = connect()) {
            client.getOutputStream().write(LONG);
            StreamConnection connection = handedOn();
            until(() -> unread(client) == LONG.length - FirstBytes.PREFACE_BYTES);
            assertThat(readAll(connection, LONG.length)).isEqualTo(LONG);
        }
    }

    /** Bytes that begin like a preface are passed on completely, and only once. */
    @Test
    void bytesReadAheadArePassedOn() throws Exception {
        try (Socket client = connect()) {
            client.setTcpNoDelay(true);
            for (int i = 0; i < 30; i++) {
                client.getOutputStream().write(LONG, i, 1);
            }
            assertThat(readAll(handedOn(), 30)).isEqualTo(Arrays.copyOf(LONG, 30));
        }
    }

    /** A single read returns the first bytes together with those after them. */
    @Test
    void followingBytesAreReadTogetherWithThem() throws Exception {
        try (Socket client = connect()) {
            client.getOutputStream().write(LONG, 0, 1000);
            StreamConnection connection = handedOn();
            int count = on(connection, of -> read(of, ByteBuffer.allocate(1000)));
            assertThat(count).isGreaterThan(FirstBytes.PREFACE_BYTES);
        }
    }

    private static byte[] readAll(StreamConnection connection, int count) throws Exception {
        ByteBuffer all = ByteBuffer.allocate(count);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (all.hasRemaining() && System.nanoTime() < deadline) {
            on(connection, of -> read(of, all));
        }
        return all.array();
    }
}
