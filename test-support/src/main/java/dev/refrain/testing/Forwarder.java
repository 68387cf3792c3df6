package dev.refrain.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Passes connections on to a port of loopback until it is cut, and again when it is joined. */
public final class Forwarder implements AutoCloseable {
    private final int target;
    private final ServerSocket server;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile boolean cut;

    /** For a port that something listens on. */
    public Forwarder(int target) throws IOException {
        this.target = target;
        this.server = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
        run(this::accept);
    }

    private static void run(Runnable task) {
        Thread thread = new Thread(task, "forwarder");
        thread.setDaemon(true);
        thread.start();
    }

    /** Where to connect. */
    public int port() {
        return server.getLocalPort();
    }

    /** Closes all connections, and those that come as soon as they come. */
    public void cut() {
        cut = true;
        open.forEach(Forwarder::close);
    }

    /** Passes connections on again. */
    public void join() {
        cut = false;
    }

    private void accept() {
        try {
            while (true) {
                Socket near = server.accept();
                open.add(near);
                if (cut) {
                    close(near);
                } else {
                    Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
                    open.add(far);
                    run(() -> pass(near, far));
                    run(() -> pass(far, near));
                    if (cut) {
                        close(near);
                        close(far);
                    }
                }
            }
        } catch (IOException closed) {
            // The test is over, or what it forwards to is.
        }
    }

    private void pass(Socket from, Socket to) {
        try (from;
                to) {
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            in.transferTo(out);
        } catch (IOException e) {
            // One of the two was closed.
        } finally {
            open.remove(from);
            open.remove(to);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        cut();
    }
}
