package dev.refrain.jmh.load;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Simulates a long line to a port of this machine: passes bytes on after a fixed delay, in each direction, in order.
 *
 * <p>It needs no rights and no support of the kernel, but differs from a network. TCP's handshake is with this program
 * and takes no time; to make up for that, the first bytes of a connection are delayed by one more round trip.
 * Acknowledgements are not delayed, so windows grow at once, which makes no difference for bodies of a few KiB.
 */
final class DelayLine implements AutoCloseable {
    private static final int QUEUED = 1024;
    private static final int PIECE = 16 * 1024;

    private final ServerSocket server;
    private final int target;
    private final long oneWayNanos;
    private final AtomicInteger connections = new AtomicInteger();

    /** Bytes that were read; empty at the end. */
    private record Piece(ByteBuffer bytes, long dueNanos) {}

    DelayLine(int target, long oneWayMillis) throws IOException {
        this.target = target;
        this.oneWayNanos = TimeUnit.MILLISECONDS.toNanos(oneWayMillis);
        server = new ServerSocket(0, 4096, InetAddress.getLoopbackAddress());
        start("line-accepts", this::accept);
    }

    int port() {
        return server.getLocalPort();
    }

    /** Connections that were made so far. */
    int connections() {
        return connections.get();
    }

    private static void start(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket near = server.accept();
                long begin = System.nanoTime();
                connections.incrementAndGet();
                Socket far = new Socket(InetAddress.getLoopbackAddress(), target);
                near.setTcpNoDelay(true);
                far.setTcpNoDelay(true);
                relay(near, far, begin + 3 * oneWayNanos);
                relay(far, near, begin);
            } catch (IOException e) {
                if (!server.isClosed()) {
                    throw new UncheckedIOException(e);
                }
            }
        }
    }

    /** @param notBefore time before which nothing arrives, by {@link System#nanoTime} */
    private void relay(Socket from, Socket to, long notBefore) {
        BlockingQueue<Piece> line = new ArrayBlockingQueue<>(QUEUED);
        start("line-reads", () -> read(from, line, notBefore));
        start("line-writes", () -> write(line, to));
    }

    private void read(Socket from, BlockingQueue<Piece> line, long notBefore) {
        byte[] buffer = new byte[PIECE];
        int count;
        do {
            try {
                InputStream in = from.getInputStream();
                count = in.read(buffer);
            } catch (IOException reset) {
                count = -1;
            }
            long due = System.nanoTime() + oneWayNanos;
            try {
                line.put(new Piece(
                        ByteBuffer.wrap(Arrays.copyOf(buffer, Math.max(0, count))),
                        due - notBefore < 0 ? notBefore : due));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        } while (count >= 0);
    }

    private static void write(BlockingQueue<Piece> line, Socket to) {
        try {
            OutputStream out = to.getOutputStream();
            for (Piece next = line.take(); next.bytes().hasRemaining(); next = line.take()) {
                await(next);
                out.write(next.bytes().array());
            }
            to.shutdownOutput();
        } catch (IOException gone) {
            try {
                to.close();
            } catch (IOException e) {
                gone.addSuppressed(e);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void await(Piece piece) {
        for (long left = piece.dueNanos() - System.nanoTime(); left > 0; left = piece.dueNanos() - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
