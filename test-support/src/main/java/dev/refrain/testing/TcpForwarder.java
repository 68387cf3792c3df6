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
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Forwards connections on loopback to a server, at a given speed, or not at all. Each direction of each connection has
 * a thread. Thread-safe.
 */
public final class TcpForwarder implements AutoCloseable {
    private static final int PIECE = 16 << 10;

    private final ServerSocket listener;
    private final int target;
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private final Set<Socket> forgotten = ConcurrentHashMap.newKeySet();
    private volatile long bytesPerSecond = Long.MAX_VALUE;
    private volatile long delayNanos;
    private volatile boolean frozen;
    private volatile boolean refusing;

    /** Forwards to a port on loopback. */
    public TcpForwarder(int target) {
        this.target = target;
        try {
            listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    private static void start(Runnable task) {
        Thread thread = new Thread(task, "forwarder");
        thread.setDaemon(true);
        thread.start();
    }

    /** The port to connect to. */
    public int port() {
        return listener.getLocalPort();
    }

    /** Limits the bytes a second, in each direction of each connection. */
    public void bytesPerSecond(long most) {
        bytesPerSecond = most;
    }

    /** Delays each piece by this time. */
    public void delayMillis(long millis) {
        delayNanos = TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** While on, no byte passes and no connection is closed, as when a firewall has lost its state. */
    public void freeze(boolean on) {
        frozen = on;
    }

    /** From now on no byte passes through existing connections, which stay open. New connections work. */
    public void forget() {
        forgotten.addAll(sockets);
    }

    /** While on, closes all connections, existing and new ones. */
    public void cut(boolean on) {
        refusing = on;
        if (on) {
            sockets.forEach(TcpForwarder::close);
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listener.accept();
                if (refusing) {
                    close(client);
                    continue;
                }
                try {
                    Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
                    client.setTcpNoDelay(true);
                    server.setTcpNoDelay(true);
                    sockets.add(client);
                    sockets.add(server);
                    start(() -> forward(client, server));
                    start(() -> forward(server, client));
                    if (refusing) {
                        // The call of cut may have missed these two sockets.
                        close(client);
                        close(server);
                    }
                } catch (IOException nobodyThere) {
                    close(client);
                }
            }
        } catch (IOException closed) {
            // The forwarder has been closed.
        }
    }

    private void forward(Socket from, Socket to) {
        byte[] piece = new byte[PIECE];
        try (from;
                to;
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream()) {
            for (int count = in.read(piece); count >= 0; count = in.read(piece)) {
                while ((frozen || forgotten.contains(from)) && !from.isClosed()) {
                    LockSupport.parkNanos(1_000_000);
                }
                pause(delayNanos + (long) (count * 1e9 / bytesPerSecond));
                out.write(piece, 0, count);
            }
        } catch (IOException closed) {
            // Either end has closed its connection.
        } finally {
            sockets.remove(from);
            sockets.remove(to);
            forgotten.remove(from);
            forgotten.remove(to);
        }
    }

    private static void pause(long nanos) {
        long end = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException ignored) {
            // The socket is not used any further.
        }
    }

    @Override
    public void close() {
        try {
            listener.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        cut(true);
    }
}
