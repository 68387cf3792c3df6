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
 * A provider that takes a request, sends the beginning of an answer, and then
 * nothing until it is told to or hung up on.
 */
final class ThinkingProvider implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 20;

    private final ServerSocket server;
    private volatile String beginning;
    private final Queue<Socket> connections = new ConcurrentLinkedQueue<>();
    private final Semaphore asked = new Semaphore(0);
    private final Semaphore hungUp = new Semaphore(0);

    /** @param beginning what it sends of each answer at once; may be empty */
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

    /** What it sends of each answer from now on. */
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

    /** Waits for one more request, all of it. */
    void awaitRequest() throws InterruptedException {
        if (!asked.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("No request came");
        }
    }

    /** Waits until one more connection has been closed from the other side. */
    void awaitHangUp() throws InterruptedException {
        if (!hungUp.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("Nobody has hung up");
        }
    }

    /** Sends something on every connection. */
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
