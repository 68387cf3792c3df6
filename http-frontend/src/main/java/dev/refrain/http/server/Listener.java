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
 * The listening socket and its threads. It replaces {@link io.undertow.Undertow}, because it needs a hook for each new
 * connection.
 */
public final class Listener implements AutoCloseable {
    /** Undertow's own choice, which leaves a pool of memory room for its own accounts. */
    private static final int BUFFER_BYTES = 16 * 1024 - 20;

    private static final int THREAD_CACHE = 4;
    private static final int BACKLOG = 1000;

    /** Heap per connection, in bytes. Beyond that, connections wait until others are closed. */
    private static final int BYTES_PER_CONNECTION = 16 * 1024;

    private static final int MAX_CONNECTIONS =
            (int) Math.min(1_000_000, Runtime.getRuntime().maxMemory() / BYTES_PER_CONNECTION);
    /** 64 KiB from a heap of 256 MiB on: each connection may hold the beginning of a head. */
    private static final int MAX_HEADER_BYTES =
            (int) Math.max(16 * 1024, Math.min(64 * 1024, Runtime.getRuntime().maxMemory() / 4096));
    /** Undertow's own number of workers for each I/O thread. */
    private static final int WORKERS = 8;

    private static final long POLL_NANOS = 10_000_000;
    /** For I/O threads to have selected once, which is a matter of microseconds unless the machine is overloaded. */
    private static final int PATIENCE_SECONDS = 10;

    private static final int SELECTED_MILLIS = 100;

    /** Looks without a connection after which none is taken for left. */
    private static final int SETTLED = 20;

    private final XnioWorker worker;
    private final AcceptingChannel<? extends StreamConnection> channel;
    /** Null if only HTTP/1 is spoken. */
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
     * Listens.
     *
     * @param patience for the rest of a request's head
     * @param tls null for HTTP without TLS; closed with the listener
     * @param http2 makes what takes connections, and gives those of HTTP/1 to the listener that it gets; null if only
     *     HTTP/1 is spoken
     * @param opened gets each connection before the handler sees a request of it, and returns what is to be done when
     *     it is closed, on its I/O thread or on one that closes it
     * @throws IOException if the address cannot be listened on
     */
    public static Listener open(
            InetSocketAddress address,
            Duration patience,
            ServerTls tls,
            Function<ChannelListener<StreamConnection>, Http2Listener> http2,
            HttpHandler handler,
            Function<StreamConnection, Runnable> opened)
            throws IOException {
        // Undertow would take two threads on one processor, which would then take turns of milliseconds.
        int threads = Runtime.getRuntime().availableProcessors();
        XnioWorker worker = Xnio.getInstance(Listener.class.getClassLoader())
                .createWorker(OptionMap.builder()
                        .set(Options.WORKER_IO_THREADS, threads)
                        .set(Options.WORKER_TASK_CORE_THREADS, threads * WORKERS)
                        .set(Options.WORKER_TASK_MAX_THREADS, threads * WORKERS)
                        .set(Options.TCP_NODELAY, true)
                        .getMap());
        try {
            HttpOpenListener http = new HttpOpenListener(
                    new DefaultByteBufferPool(true, BUFFER_BYTES, -1, THREAD_CACHE),
                    OptionMap.builder()
                            // With buffering, an answer that waits for later ones is lost if a malformed request
                            // follows, and the client takes the error for it.
                            .set(UndertowOptions.BUFFER_PIPELINED_DATA, false)
                            .set(UndertowOptions.MAX_HEADER_SIZE, MAX_HEADER_BYTES)
                            .set(UndertowOptions.REQUEST_PARSE_TIMEOUT, (int)
                                    Math.min(Integer.MAX_VALUE, patience.toMillis()))
                            .set(UndertowOptions.DECODE_URL, false)
                            .set(UndertowOptions.ALLOW_UNESCAPED_CHARACTERS_IN_URL, true)
                            // Bodies are counted where they are read, with a clearer error than Undertow's, whose own
                            // limit is 2 MiB.
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

    /** There is one listener, which is Undertow's. */
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

    /** The address that is really listened on. */
    public InetSocketAddress address() {
        return address;
    }

    /** Waits until no connection is open, or the time is over. */
    public void drain(Duration limit) {
        long deadline = System.nanoTime() + limit.toNanos();
        // Connections that were taken a moment ago may not have been counted yet.
        for (int idle = 0;
                idle < SETTLED
                        && System.nanoTime() < deadline
                        && !Thread.currentThread().isInterrupted(); ) {
            LockSupport.parkNanos(POLL_NANOS);
            // In this order, in which one changes from the first to the second.
            int open = (http2 == null ? 0 : http2.open()) + connections.get();
            idle = open == 0 ? idle + 1 : 0;
        }
    }

    /**
     * Takes no more connections. Those that have come are taken first, and then the socket is closed at once: a
     * connection that came between these two would be reset by the system (where that is Linux 5.14 or later, {@code
     * net.ipv4.tcp_migrate_req} hands it over to the process that has taken over the port).
     */
    @SuppressWarnings("deprecation") // of waking, which XNIO has nothing for in its place
    public void stopAccepting() {
        channel.wakeupAccepts();
        CountDownLatch gone = new CountDownLatch(worker.getIoThreadCount());
        channel.getIoThread().execute(() -> {
            IoUtils.safeClose(channel);
            // The system's socket is closed when each thread whose selector knows it has selected once more.
            for (int i = 0; i < worker.getIoThreadCount(); i++) {
                XnioIoThread thread = worker.getIoThread(i);
                thread.execute(() -> onceSelected(thread, gone));
            }
        });
        try {
            var unused = gone.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A task may run again before the thread selects; what its selector says of a pipe cannot. */
    private static void onceSelected(XnioIoThread thread, CountDownLatch then) {
        try {
            ChannelPipe<StreamSourceChannel, StreamSinkChannel> pipe = thread.createHalfDuplexPipe();
            StreamSourceChannel source = pipe.getLeftSide();
            source.getReadSetter().set(readable -> {
                IoUtils.safeClose(readable);
                then.countDown();
            });
            source.resumeReads();
            // Its end is an event, too.
            IoUtils.safeClose(pipe.getRightSide());
        } catch (IOException noFiles) {
            thread.executeAfter(then::countDown, SELECTED_MILLIS, TimeUnit.MILLISECONDS);
        }
    }

    /**
     * Has clients go elsewhere with what they begin from now on, as far as their version of HTTP has words for it.
     *
     * @param within in which those are told, too, that are never without a request; see {@link Http2Listener#close}
     */
    public void retire(Duration within) {
        if (http2 != null) {
            http2.close(within);
        }
    }

    /** Closes the connections, too. Idempotent. */
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
