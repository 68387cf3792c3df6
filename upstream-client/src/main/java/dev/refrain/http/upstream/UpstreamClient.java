package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import java.security.NoSuchAlgorithmException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import javax.net.ssl.SSLContext;

/** The connection pool, threads and timers that all calls to upstreams share. Thread-safe. */
public final class UpstreamClient implements AutoCloseable {
    /** Event loops, on which everything happens that has to do with connections. Nothing there blocks. */
    private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());

    private static final int TICK_SECONDS = 1;
    /** Waits for clients that are ended with each tick while memory is tight. */
    private static final int MOST_ENDED = 128;
    /** How often those who wait for room are looked after. */
    private static final int LOOK_MILLIS = 100;

    private final EventLoopGroup loops =
            new MultiThreadIoEventLoopGroup(THREADS, daemons("refrain-upstream-"), NioIoHandler.newFactory());
    private final ScheduledThreadPoolExecutor timers = new ScheduledThreadPoolExecutor(1, daemons("refrain-timer-"));
    private final UpstreamErrors errors = new UpstreamErrors();
    private final Tunnels tunnels;
    private final Set<UpstreamCall> running = ConcurrentHashMap.newKeySet();
    /** Calls that wait for the provider. */
    private final AtomicInteger waiting = new AtomicInteger();

    private final ConnectionBuffers buffers = ConnectionBuffers.ofJvm(THREADS);
    private final Names names;
    private final Connector connector;
    private final ConnectionPool connections;

    private final UpstreamOptions options;
    private final Timers time;
    private final MemoryBudget memory;
    private final Admission admission;

    /**
     * A client.
     *
     * @param memory where what each call takes is reserved
     * @param makeRoom is asked to end so many of the longest waits for clients, if calls wait for room
     */
    public UpstreamClient(UpstreamOptions options, MemoryBudget memory, IntConsumer makeRoom) {
        this(options, memory, makeRoom, null, null);
    }

    /**
     * The same, with parts that a test may choose.
     *
     * @param servers whom to ask for addresses, or null for those that the system asks
     * @param time for calls and connections, or null for the machine's
     */
    UpstreamClient(
            UpstreamOptions options,
            MemoryBudget memory,
            IntConsumer makeRoom,
            DnsServerAddressStreamProvider servers,
            Timers time) {
        this.options = options;
        this.time = time == null ? new MachineTime() : time;
        this.memory = memory;
        this.tunnels = new Tunnels(this.time::nanoTime);
        this.admission = new Admission(
                memory,
                loops,
                task -> timers.schedule(task, LOOK_MILLIS, TimeUnit.MILLISECONDS),
                makeRoom,
                System::nanoTime);
        timers.setRemoveOnCancelPolicy(true);
        // A timer that is always due before those of calls. Setting a timer that is due before all others wakes the
        // timers' thread, which a call then never does.
        timers.scheduleWithFixedDelay(() -> makeRoom.accept(MOST_ENDED), TICK_SECONDS, TICK_SECONDS, TimeUnit.SECONDS);
        names = new Names(loops.next(), servers);
        connector = new Connector(
                names,
                options.tls() == null ? tls() : CompletableFuture.completedFuture(options.tls()),
                options.timeouts().connect(),
                buffers,
                options.proxies());
        connections = new ConnectionPool(connector, loops, options, this.time::nanoTime, memory);
        timers.scheduleWithFixedDelay(connections::sweep, TICK_SECONDS, TICK_SECONDS, TimeUnit.SECONDS);
    }

    /** Speaks TLS by this over connections that are made from now on; those that are there stay as they are. */
    public void tls(SSLContext next) {
        connector.tls(next);
    }

    private final class MachineTime implements Timers {
        @Override
        public long nanoTime() {
            return System.nanoTime();
        }

        @Override
        public Future<?> after(long nanos, Runnable task) {
            return timers.schedule(task, nanos, TimeUnit.NANOSECONDS);
        }
    }

    /** Made on another thread, as it reads all certificates that there are: nothing but the first call waits for it. */
    private static CompletableFuture<SSLContext> tls() {
        CompletableFuture<SSLContext> made = new CompletableFuture<>();
        Thread maker = new Thread(
                () -> {
                    try {
                        made.complete(SSLContext.getDefault());
                    } catch (NoSuchAlgorithmException e) {
                        made.completeExceptionally(e);
                    }
                },
                "refrain-certificates");
        maker.setDaemon(true);
        maker.start();
        return made;
    }

    private static ThreadFactory daemons(String prefix) {
        AtomicInteger number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, prefix + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    /** Bytes of direct memory that connections have taken. */
    long directBytes() {
        return buffers.directBytes();
    }

    /** The threads that read from providers. For tests, which wait for what these do behind an answer. */
    EventLoopGroup loops() {
        return loops;
    }

    ConnectionPool connections() {
        return connections;
    }

    /** What has gone wrong with calls. */
    public UpstreamErrors errors() {
        return errors;
    }

    UpstreamOptions options() {
        return options;
    }

    Timers time() {
        return time;
    }

    MemoryBudget memory() {
        return memory;
    }

    /** The websockets among the calls. */
    public Tunnels tunnels() {
        return tunnels;
    }

    /** Returns whether one more call may be made; {@link #answered} and {@link #closed} follow in any case. */
    boolean opened(UpstreamCall call) {
        running.add(call);
        return waiting.incrementAndGet() <= options.maxCalls();
    }

    /**
     * Makes room for another call. Said before the answer's last byte is passed on: the client that gets it may send
     * its next request at once.
     */
    void answered() {
        waiting.decrementAndGet();
    }

    /** Refuses a call that waits for room, in favour of a newer request; returns whether there was one. */
    public boolean displace() {
        return admission.displace();
    }

    /** Lets each call begin, or wait. */
    Admission admission() {
        return admission;
    }

    void closed(UpstreamCall call) {
        running.remove(call);
    }

    /** Calls that have not ended. */
    public int inFlight() {
        return running.size();
    }

    /** Breaks off what is still running. */
    @Override
    public void close() {
        running.forEach(UpstreamCall::cancel);
        timers.shutdownNow();
        names.close();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
