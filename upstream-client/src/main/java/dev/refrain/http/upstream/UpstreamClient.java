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
    /** Number of event loops, which do all work on connections and never block. */
    private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());

    private static final int TICK_SECONDS = 1;
    /** At most this many waits for slow clients are ended at each tick, while memory is tight. */
    private static final int MOST_ENDED = 128;
    /** Interval at which calls that wait for memory are checked, in milliseconds. */
    private static final int CHECK_MILLIS = 100;

    private final EventLoopGroup loops =
            new MultiThreadIoEventLoopGroup(THREADS, daemons("refrain-upstream-"), NioIoHandler.newFactory());
    private final ScheduledThreadPoolExecutor timers = new ScheduledThreadPoolExecutor(1, daemons("refrain-timer-"));
    private final UpstreamErrors errors = new UpstreamErrors();
    private final Tunnels tunnels;
    private final Set<UpstreamCall> running = ConcurrentHashMap.newKeySet();
    /** Number of calls whose answers are not complete yet. */
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
     * @param memory budget for the memory of calls
     * @param makeRoom ends the longest waits for slow clients, up to the given number, if memory is tight; called every
     *     second, and more often while calls wait for memory
     */
    public UpstreamClient(UpstreamOptions options, MemoryBudget memory, IntConsumer makeRoom) {
        this(options, memory, makeRoom, null, null);
    }

    /**
     * A client with parts that a test may choose.
     *
     * @param servers DNS servers, or null for the system's
     * @param time clock and timers of calls and connections, or null for the machine's
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
                task -> timers.schedule(task, CHECK_MILLIS, TimeUnit.MILLISECONDS),
                makeRoom,
                System::nanoTime);
        timers.setRemoveOnCancelPolicy(true);
        // This timer is always due before those of calls. Setting a timer that is due before all others wakes the timer
        // thread, so calls never have to do that.
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

    /** Sets the TLS context for connections made from now on; existing ones keep theirs. */
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

    /**
     * Makes the default TLS context on another thread, because it reads all trusted certificates. Only the first call
     * over TLS waits for it.
     */
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

    /** Bytes of direct memory that connections have taken from the JVM. */
    long directBytes() {
        return buffers.directBytes();
    }

    /** The threads that read from providers. Tests wait for the tasks of these threads that follow an answer. */
    EventLoopGroup loops() {
        return loops;
    }

    ConnectionPool connections() {
        return connections;
    }

    /** Counters of failed calls. */
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

    /** Counters of the calls that are websockets. */
    public Tunnels tunnels() {
        return tunnels;
    }

    /**
     * Registers a call; returns whether it may be made. {@link #answered} and {@link #closed} must follow in any case.
     */
    boolean opened(UpstreamCall call) {
        running.add(call);
        return waiting.incrementAndGet() <= options.maxCalls();
    }

    /**
     * Allows another call. Called before the answer's last byte is passed on, because its client may send the next
     * request at once.
     */
    void answered() {
        waiting.decrementAndGet();
    }

    /** Refuses a call that waits for memory, in favour of a newer request; returns whether there was one. */
    public boolean displace() {
        return admission.displace();
    }

    /** Decides whether a call may begin or has to wait. */
    Admission admission() {
        return admission;
    }

    void closed(UpstreamCall call) {
        running.remove(call);
    }

    /** Number of calls that have not ended. */
    public int inFlight() {
        return running.size();
    }

    /** Cancels the calls that are still running. */
    @Override
    public void close() {
        running.forEach(UpstreamCall::cancel);
        timers.shutdownNow();
        names.close();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
