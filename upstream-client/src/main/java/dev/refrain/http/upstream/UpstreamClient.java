package dev.refrain.http.upstream;

import dev.refrain.engine.memory.MemoryBudget;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/** The connection pool, threads and timers that all calls to upstreams share. */
public final class UpstreamClient implements AutoCloseable {
    private static final String KEEP_ALIVE_SECONDS = "jdk.httpclient.keepalive.timeout";

    static {
        // Short, since a provider that closes a pooled connection at the moment we reuse it costs a call that must be
        // made again. Node's servers, the most impatient ones in common use, close theirs after five seconds.
        if (System.getProperty(KEEP_ALIVE_SECONDS) == null) {
            System.setProperty(KEEP_ALIVE_SECONDS, "4");
        }
    }

    /** Only callbacks run here, none of which blocks. */
    private static final int THREADS = Math.max(2, Runtime.getRuntime().availableProcessors());

    private static final int TICK_SECONDS = 1;
    /** Waits for clients that are ended with each tick while memory is tight. */
    private static final int MOST_ENDED = 128;
    /** How often those who wait for room are looked after. */
    private static final int LOOK_MILLIS = 100;

    /**
     * Many enough for hundreds a second with a provider round the world, few
     * enough to take a fraction of a second of processor.
     */
    private static final int HANDSHAKES = 128;

    private final Callbacks callbacks = new Callbacks(THREADS, daemons("refrain-upstream-"));
    private final ScheduledThreadPoolExecutor timers = new ScheduledThreadPoolExecutor(1, daemons("refrain-timer-"));
    private final UpstreamErrors errors = new UpstreamErrors();
    private final Set<UpstreamCall> running = ConcurrentHashMap.newKeySet();
    /** Calls that wait for the provider. */
    private final AtomicInteger waiting = new AtomicInteger();

    private final IdleConnections idleConnections =
            new IdleConnections(Duration.ofSeconds(Long.getLong(KEEP_ALIVE_SECONDS, 4)), System::nanoTime);

    private final Map<String, Handshakes> handshakes = new ConcurrentHashMap<>();
    /** Made on another thread, as it reads all certificates that there are: nothing but the first call waits for it. */
    private final CompletableFuture<HttpClient> http;

    private final Duration connectTimeout;
    private final Duration responseTimeout;
    private final Duration idleTimeout;
    private final int maxCalls;
    private final Admission admission;

    /**
     * A client.
     *
     * @param maxCalls calls that may run at the same time
     * @param memory where what each call takes is reserved
     * @param makeRoom is asked to end so many of the longest waits for clients, if calls wait for room
     */
    public UpstreamClient(
            Duration connectTimeout,
            Duration responseTimeout,
            Duration idleTimeout,
            int maxCalls,
            MemoryBudget memory,
            IntConsumer makeRoom) {
        this.maxCalls = maxCalls;
        this.admission = new Admission(
                memory,
                callbacks,
                task -> timers.schedule(task, LOOK_MILLIS, TimeUnit.MILLISECONDS),
                makeRoom,
                System::nanoTime);
        this.connectTimeout = connectTimeout;
        this.responseTimeout = responseTimeout;
        this.idleTimeout = idleTimeout;
        timers.setRemoveOnCancelPolicy(true);
        // So that one is always due before those of calls: to set the next one to be due wakes the thread.
        timers.scheduleWithFixedDelay(() -> makeRoom.accept(MOST_ENDED), TICK_SECONDS, TICK_SECONDS, TimeUnit.SECONDS);
        http = CompletableFuture.supplyAsync(
                () -> HttpClient.newBuilder()
                        // In HTTP/2 all calls would share one connection, its limit and its window.
                        .version(HttpClient.Version.HTTP_1_1)
                        .executor(callbacks)
                        .connectTimeout(connectTimeout)
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .build(),
                callbacks);
    }

    private static ThreadFactory daemons(String prefix) {
        AtomicInteger number = new AtomicInteger();
        return task -> {
            Thread thread = new Thread(task, prefix + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
    }

    CompletableFuture<HttpResponse<Void>> send(HttpRequest request, HttpResponse.BodyHandler<Void> answer) {
        return http.join().sendAsync(request, answer);
    }

    ScheduledFuture<?> after(long nanos, Runnable task) {
        return timers.schedule(task, nanos, TimeUnit.NANOSECONDS);
    }

    IdleConnections idleConnections() {
        return idleConnections;
    }

    /** Those with an authority. */
    Handshakes handshakes(String authority) {
        return handshakes.computeIfAbsent(
                authority, none -> new Handshakes(HANDSHAKES, callbacks, connectTimeout, System::nanoTime));
    }

    public UpstreamErrors errors() {
        return errors;
    }

    Duration responseTimeout() {
        return responseTimeout;
    }

    Duration idleTimeout() {
        return idleTimeout;
    }

    /** Returns whether one more call may be made; {@link #answered} and {@link #closed} follow in any case. */
    boolean opened(UpstreamCall call) {
        running.add(call);
        return waiting.incrementAndGet() <= maxCalls;
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

    int maxCalls() {
        return maxCalls;
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
        callbacks.close();
    }
}
