package dev.refrain.http.proxy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * A provider that accepts a request, sends the beginning of an answer, and then waits until the test continues or the
 * connection ends.
 */
final class ThinkingProvider implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 20;

    private final ServerSocket server;
    private volatile String beginning;
    private final Queue<Socket> connections = new ConcurrentLinkedQueue<>();
    private final Semaphore asked = new Semaphore(0);
    private final Semaphore hungUp = new Semaphore(0);

    /** @param beginning bytes of each answer that are sent at once; may be empty */
    ThinkingProvider(String beginning) throws IOException {
        this.beginning = beginning;
        server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(() -> {
            while (true) {
                Socket connection = server.accept();
                connections.add(connection);
                start(() -> serve(connection));
            }
        });
    }

    private interface Action {
        void run() throws IOException;
    }

    private static void start(Action action) {
        Thread thread = new Thread(
                () -> {
                    try {
                        action.run();
                    } catch (IOException closed) {
                        // Either side has closed the connection.
                    }
                },
                "thinking-provider");
        thread.setDaemon(true);
        thread.start();
    }

    URI base() {
        return URI.create("http://127.0.0.1:" + server.getLocalPort() + "/v1");
    }

    /** Sets the bytes that are sent at once from now on. */
    void beginWith(String bytes) {
        beginning = bytes;
    }

    private void serve(Socket connection) throws IOException {
        try {
            RawProvider.readRequest(connection.getInputStream());
            connection.getOutputStream().write(beginning.getBytes(StandardCharsets.ISO_8859_1));
            asked.release();
            while (connection.getInputStream().read() >= 0) {}
        } finally {
            hungUp.release();
        }
    }

    /** Waits for one more whole request. */
    void awaitRequest() throws InterruptedException {
        if (!asked.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("No request came");
        }
    }

    /** Waits until the other side has closed one more connection. */
    void awaitHangUp() throws InterruptedException {
        if (!hungUp.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("Nobody has hung up");
        }
    }

    /** Sends bytes on every connection. */
    void say(String bytes) throws IOException {
        for (Socket connection : connections) {
            connection.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Socket connection : connections) {
            connection.close();
        }
    }
}
