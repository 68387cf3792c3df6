package dev.refrain.http.server;

import dev.refrain.http2.Http2Listener;
import io.undertow.UndertowOptions;
import io.undertow.server.DefaultByteBufferPool;
import io.undertow.server.HttpHandler;
import io.undertow.server.protocol.http.HttpOpenListener;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.ChannelListener;
import org.xnio.ChannelListeners;
import org.xnio.ChannelPipe;
import org.xnio.IoUtils;
import org.xnio.OptionMap;
import org.xnio.Options;
import org.xnio.StreamConnection;
import org.xnio.Xnio;
import org.xnio.XnioIoThread;
import org.xnio.XnioWorker;
import org.xnio.channels.AcceptingChannel;
import org.xnio.channels.StreamSinkChannel;
import org.xnio.channels.StreamSourceChannel;

/**
 * The listening socket and its threads. Replaces {@link io.undertow.Undertow}, which has no hook for new connections.
 */
public final class Listener implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Listener.class);

    /** Undertow's default: 16 KiB less 20 bytes for protocol headers (UNDERTOW-1209). */
    private static final int BUFFER_BYTES = 16 * 1024 - 20;

    private static final int THREAD_CACHE = 4;
    private static final int BACKLOG = 1000;

    /**
     * Bytes of heap for each connection. If there are more connections than fit, new ones wait until others are closed.
     */
    private static final int BYTES_PER_CONNECTION = 16 * 1024;

    private static final int MAX_CONNECTIONS =
            (int) Math.min(1_000_000, Runtime.getRuntime().maxMemory() / BYTES_PER_CONNECTION);
    /**
     * Limit of a request's head, in bytes. Each connection may hold the beginning of one, so a heap of less than 256
     * MiB allows less than 64 KiB.
     */
    private static final int MAX_HEADER_BYTES =
            (int) Math.max(16 * 1024, Math.min(64 * 1024, Runtime.getRuntime().maxMemory() / 4096));
    /** Worker threads for each I/O thread; Undertow's default. */
    private static final int WORKERS = 8;

    private static final long POLL_NANOS = 10_000_000;
    /** Longest wait for all I/O threads to select once, which takes microseconds unless the machine is overloaded. */
    private static final int SELECT_TIMEOUT_SECONDS = 10;

    private static final int SELECTED_MILLIS = 100;

    /** Consecutive polls without an open connection after which the listener counts as drained. */
    private static final int SETTLED = 20;

    private final XnioWorker worker;
    private final AcceptingChannel<? extends StreamConnection> channel;
    /** Null if only HTTP/1 is supported. */
    private final Http2Listener http2;
    /** Null for HTTP without TLS. */
    private final ServerTls tls;

    private final InetSocketAddress address;
    /** How many connections of HTTP/1 are open. */
    private final AtomicInteger connections;

    private Listener(
            XnioWorker worker,
            AcceptingChannel<? extends StreamConnection> channel,
            Http2Listener http2,
            ServerTls tls,
            AtomicInteger connections) {
        this.worker = worker;
        this.channel = channel;
        this.http2 = http2;
        this.tls = tls;
        this.address = channel.getLocalAddress(InetSocketAddress.class);
        this.connections = connections;
    }

    /**
     * Begins to listen.
     *
     * @param headTimeout longest wait for the rest of a request's head
     * @param tls null for HTTP without TLS; closed with the listener
     * @param http2 makes a listener that takes all connections, and passes those of HTTP/1 to the listener given to it;
     *     null if only HTTP/1 is supported
     * @param opened receives each connection before the handler sees a request of it. Returns an action to run when the
     *     connection is closed, on its I/O thread or on the thread that closes it
     * @throws IOException if it cannot listen on the address
     */
    public static Listener open(
            InetSocketAddress address,
            Duration headTimeout,
            ServerTls tls,
            Function<ChannelListener<StreamConnection>, Http2Listener> http2,
            HttpHandler handler,
            Function<StreamConnection, Runnable> opened)
            throws IOException {
        // On one processor, Undertow would start two I/O threads, which would make each other wait for milliseconds.
        int threads = Runtime.getRuntime().availableProcessors();
        XnioWorker worker = Xnio.getInstance(Listener.class.getClassLoader())
                .createWorker(OptionMap.builder()
                        .set(Options.WORKER_IO_THREADS, threads)
                        .set(Options.WORKER_TASK_CORE_THREADS, threads * WORKERS)
                        .set(Options.WORKER_TASK_MAX_THREADS, threads * WORKERS)
                        .set(Options.TCP_NODELAY, true)
                        .getMap());
        for (int i = 0; i < threads; i++) {
            worker.getIoThread(i)
                    .setUncaughtExceptionHandler((thread, fault) -> LOG.error(
                            "A thread that serves clients has ended: {}. Its clients get no answer any more. "
                                    + "Restart Refrain.",
                            thread.getName(),
                            fault));
        }
        try {
            HttpOpenListener http = new HttpOpenListener(
                    new DefaultByteBufferPool(true, BUFFER_BYTES, -1, THREAD_CACHE),
                    OptionMap.builder()
                            // With buffering, an answer that is held back for later ones is lost if a malformed request
                            // follows, and the client takes the error for that answer.
                            .set(UndertowOptions.BUFFER_PIPELINED_DATA, false)
                            .set(UndertowOptions.MAX_HEADER_SIZE, MAX_HEADER_BYTES)
                            .set(UndertowOptions.REQUEST_PARSE_TIMEOUT, (int)
                                    Math.min(Integer.MAX_VALUE, headTimeout.toMillis()))
                            .set(UndertowOptions.DECODE_URL, false)
                            .set(UndertowOptions.ALLOW_UNESCAPED_CHARACTERS_IN_URL, true)
                            // Bodies are limited where they are read, with a clearer error.
                            .set(UndertowOptions.MAX_ENTITY_SIZE, -1L)
                            .getMap());
            http.setRootHandler(handler);
            AtomicInteger count = new AtomicInteger();
            ChannelListener<StreamConnection> http1 = connection -> {
                count.incrementAndGet();
                Runnable closed = opened.apply(connection);
                AtomicBoolean counted = new AtomicBoolean(true);
                http.handleEvent(connection);
                whenClosed(connection, () -> {
                    closed.run();
                    if (counted.getAndSet(false)) {
                        count.decrementAndGet();
                    }
                });
            };
            Http2Listener both = http2 == null ? null : http2.apply(http1);
            ChannelListener<StreamConnection> open = both == null ? http1 : both;
            int connections = tls == null ? MAX_CONNECTIONS : MAX_CONNECTIONS / ServerTls.PARTS;
            OptionMap sockets = OptionMap.builder()
                    .set(Options.WORKER_IO_THREADS, threads)
                    .set(Options.TCP_NODELAY, true)
                    .set(Options.REUSE_ADDRESSES, true)
                    .set(Options.BALANCING_TOKENS, 1)
                    .set(Options.BALANCING_CONNECTIONS, 2)
                    .set(Options.BACKLOG, BACKLOG)
                    .set(Options.CONNECTION_HIGH_WATER, connections)
                    .set(Options.CONNECTION_LOW_WATER, connections)
                    .getMap();
            AcceptingChannel<? extends StreamConnection> channel = tls == null
                    ? worker.createStreamConnectionServer(address, ChannelListeners.openListenerAdapter(open), sockets)
                    : tls.listen(worker, address, both != null, open, sockets);
            channel.resumeAccepts();
            return new Listener(worker, channel, both, tls, count);
        } catch (IOException | RuntimeException e) {
            worker.shutdownNow();
            close(tls);
            throw e;
        }
    }

    /**
     * Runs an action when the connection is closed. A connection has only one close listener, which Undertow uses, so
     * this wraps it.
     */
    private static void whenClosed(StreamConnection connection, Runnable closed) {
        ChannelListener<? super StreamConnection> undertow = connection.getCloseListener();
        connection.setCloseListener(ended -> {
            closed.run();
            ChannelListeners.invokeChannelListener(ended, undertow);
        });
        if (!connection.isOpen()) {
            closed.run();
        }
    }

    /** The address on which the server listens, with its actual port. */
    public InetSocketAddress address() {
        return address;
    }

    /**
     * Whether all threads that serve connections run. A thread ends by a fault that the JVM raises outside of any task
     * (JDK 17 does so some time after an access to a mapped file for which the disk had no room). Then the connections
     * of that thread, and new ones that it is given, get no answer any more; all others notice nothing. True once the
     * listener is being closed.
     */
    public boolean isAlive() {
        for (int i = 0; i < worker.getIoThreadCount(); i++) {
            if (!worker.getIoThread(i).isAlive() && !worker.isShutdown()) {
                return false;
            }
        }
        return true;
    }

    /** Waits until no connection is open, or the limit is reached. */
    public void drain(Duration limit) {
        long deadline = System.nanoTime() + limit.toNanos();
        // Connections that were accepted a moment ago may not have been counted yet.
        for (int idle = 0;
                idle < SETTLED
                        && System.nanoTime() < deadline
                        && !Thread.currentThread().isInterrupted(); ) {
            LockSupport.parkNanos(POLL_NANOS);
            // In this order, so that a connection that moves from the first count to the second is not missed.
            int open = (http2 == null ? 0 : http2.open()) + connections.get();
            idle = open == 0 ? idle + 1 : 0;
        }
    }

    /**
     * Stops accepting connections. Accepts those that wait in the backlog first, and closes the socket right after
     * that. The system resets a connection that arrives between the two steps. On Linux 5.14 or later,
     * {@code net.ipv4.tcp_migrate_req} passes it to the process that has taken over the port instead.
     */
    @SuppressWarnings("deprecation") // XNIO has no replacement for wakeupAccepts
    public void stopAccepting() {
        channel.wakeupAccepts();
        CountDownLatch gone = new CountDownLatch(worker.getIoThreadCount());
        channel.getIoThread().execute(() -> {
            IoUtils.safeClose(channel);
            // The JDK closes the system's socket only after each selector that knows it has selected once more.
            for (int i = 0; i < worker.getIoThreadCount(); i++) {
                XnioIoThread thread = worker.getIoThread(i);
                thread.execute(() -> onceSelected(thread, gone));
            }
        });
        try {
            var unused = gone.await(SELECT_TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Counts down after the thread has selected. A task could run earlier, but a pipe's event comes from the selector.
     */
    private static void onceSelected(XnioIoThread thread, CountDownLatch then) {
        try {
            ChannelPipe<StreamSourceChannel, StreamSinkChannel> pipe = thread.createHalfDuplexPipe();
            StreamSourceChannel source = pipe.getLeftSide();
            source.getReadSetter().set(readable -> {
                IoUtils.safeClose(readable);
                then.countDown();
            });
            source.resumeReads();
            // Closing the other end makes the pipe readable.
            IoUtils.safeClose(pipe.getRightSide());
        } catch (IOException noFiles) {
            thread.executeAfter(then::countDown, SELECTED_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    /**
     * Asks clients to send new requests over other connections, which only HTTP/2 can express (GOAWAY).
     *
     * @param within time within which connections that are never idle are told as well; see {@link Http2Listener#close}
     */
    public void retire(Duration within) {
        if (http2 != null) {
            http2.close(within);
        }
    }

    /** Also closes the connections. Idempotent. */
    @Override
    public void close() {
        if (worker.isShutdown()) {
            // No thread is left that could close the channel.
            return;
        }
        close(tls);
        IoUtils.safeClose(channel);
        worker.shutdown();
        try {
            worker.awaitTermination();
        } catch (InterruptedException e) {
            worker.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }

    private static void close(ServerTls tls) {
        if (tls != null) {
            tls.close();
        }
    }
}
