package dev.refrain.shared.redis;

import dev.refrain.engine.spi.SharedTierException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends commands on one connection, if there is one and the server answers. Failures become
 * {@link SharedTierException}s. Thread-safe.
 */
final class Commands {
    private static final Logger LOG = LoggerFactory.getLogger(Commands.class);

    private static final long LEAVE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long PROBE_MILLIS = 1_000;
    /** After this many probes in vain the connection may be dead, and another one is made. */
    private static final int PROBES_PER_CONNECTION = 3;
    /** What a command takes of memory beside its contents, roughly, in bytes. */
    private static final int COMMAND_BYTES = 512;

    private final Breaker breaker = new Breaker(System::nanoTime);
    /** The commands whose breaker decides whether the server answers; null if these decide it. */
    private final Commands judge;
    /** Null if there is a judge. */
    private final ScheduledExecutorService prober;

    private final Traffic traffic;
    private final long timeoutNanos;
    private Link<StatefulConnection<byte[], byte[]>> link;
    private Runnable leave;
    private volatile boolean toldRefusal;
    /** In nanoseconds. */
    private volatile long answeredAt;
    /** When a replica was left, in nanoseconds; guarded by this. */
    private long leftAt;

    /**
     * Commands that somebody waits for.
     *
     * @param timeout of each command
     * @param timer for probes of a server that does not answer
     */
    Commands(Traffic traffic, Duration timeout, ScheduledExecutorService timer) {
        this(traffic, timeout, null, timer);
    }

    private Commands(Traffic traffic, Duration timeout, Commands judge, ScheduledExecutorService prober) {
        this.traffic = traffic;
        this.timeoutNanos = timeout.toNanos();
        this.judge = judge;
        this.prober = prober;
    }

    /**
     * Commands that take as long as they take, on a connection of their own, so that none of those that somebody waits
     * for queues up behind them. They are sent while the server answers the others.
     */
    Commands patient(Traffic ownTraffic, Duration timeout) {
        return new Commands(ownTraffic, timeout, this, null);
    }

    /**
     * Called once, before anything else.
     *
     * @param leaveReplica called now and then when the server turns out to be a replica
     */
    void use(Link<StatefulConnection<byte[], byte[]>> over, Runnable leaveReplica) {
        link = over;
        leave = leaveReplica;
    }

    void connected() {
        traffic.connected();
        breaker.answered();
    }

    boolean isAvailable() {
        return link.current() != null && !breaker.isOpen();
    }

    /** Runs a script. The answer has an element at least. */
    CompletionStage<List<Object>> run(Script script, byte[][] keys, byte[]... arguments) {
        return run(script, late -> {}, keys, arguments);
    }

    /**
     * Runs a script. The answer has an element at least.
     *
     * @param late gets an answer that comes when nobody waits for it any more
     */
    CompletionStage<List<Object>> run(Script script, Consumer<List<Object>> late, byte[][] keys, byte[]... arguments) {
        return send(bytes(keys) + bytes(arguments), late, commands -> run(commands, script, keys, arguments));
    }

    /** Runs a script for a server that has just answered, though too late: nobody waits for this. */
    void runAnyway(Script script, byte[][] keys, byte[]... arguments) {
        var unused = sendAnyway(
                bytes(keys) + bytes(arguments), late -> {}, commands -> run(commands, script, keys, arguments));
    }

    private static CompletionStage<List<Object>> run(
            RedisClusterAsyncCommands<byte[], byte[]> commands, Script script, byte[][] keys, byte[][] arguments) {
        return commands.<List<Object>>evalsha(script.digest(), ScriptOutputType.MULTI, keys, arguments)
                .handle((answer, failure) -> Causes.unwrapped(failure) instanceof RedisNoScriptException
                        ? commands.<List<Object>>eval(script.text(), ScriptOutputType.MULTI, keys, arguments)
                        : failure == null
                                ? CompletableFuture.completedStage(answer)
                                : CompletableFuture.<List<Object>>failedStage(failure))
                .thenCompose(Function.identity());
    }

    private static long bytes(byte[][] arrays) {
        long sum = 0;
        for (byte[] array : arrays) {
            sum += array.length;
        }
        return sum;
    }

    /**
     * Sends a command.
     *
     * @param bytes what it takes while it is under way
     */
    <T> CompletionStage<T> send(
            long bytes, Function<RedisClusterAsyncCommands<byte[], byte[]>, CompletionStage<T>> command) {
        return send(bytes, late -> {}, command);
    }

    private <T> CompletionStage<T> send(
            long bytes,
            Consumer<T> late,
            Function<RedisClusterAsyncCommands<byte[], byte[]>, CompletionStage<T>> command) {
        if (judge == null ? breaker.isOpen() : !judge.isAvailable()) {
            return refused("the shared tier does not answer");
        }
        return sendAnyway(bytes, late, command);
    }

    private <T> CompletionStage<T> sendAnyway(
            long bytes,
            Consumer<T> late,
            Function<RedisClusterAsyncCommands<byte[], byte[]>, CompletionStage<T>> command) {
        StatefulConnection<byte[], byte[]> connection = link.current();
        if (connection == null) {
            return refused("the shared tier is not connected");
        }
        long counted = bytes + COMMAND_BYTES;
        long number = traffic.enter(counted);
        if (number < 0) {
            return refused("too much is under way to the shared tier");
        }
        CompletionStage<T> stage;
        try {
            stage = command.apply(async(connection));
        } catch (RuntimeException e) {
            stage = CompletableFuture.failedStage(e);
        }
        CompletableFuture<T> result = new CompletableFuture<>();
        stage.whenComplete((answer, failure) -> {
            traffic.left(counted, number);
            if (failure != null) {
                result.completeExceptionally(failure);
                return;
            }
            answeredAt = System.nanoTime();
            // What comes too late is no answer to anybody who waits.
            if (result.complete(answer)) {
                answered();
            } else {
                late.accept(answer);
            }
        });
        return result.orTimeout(timeoutNanos, TimeUnit.NANOSECONDS)
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(failed(failure, connection)));
    }

    private static RedisClusterAsyncCommands<byte[], byte[]> async(StatefulConnection<byte[], byte[]> connection) {
        return connection instanceof StatefulRedisClusterConnection<byte[], byte[]> cluster
                ? cluster.async()
                : ((StatefulRedisConnection<byte[], byte[]>) connection).async();
    }

    private static <T> CompletionStage<T> refused(String why) {
        return CompletableFuture.failedStage(new SharedTierException(why, null));
    }

    private void answered() {
        if (breaker.answered()) {
            LOG.info("The shared tier answers again");
        }
    }

    private SharedTierException failed(Throwable failure, Object connection) {
        String code = Causes.code(failure);
        if (code != null) {
            answered();
            tellOnce(code);
            if (code.equals("READONLY") && link.current() == connection && mayLeave()) {
                // A replica: after a failover, another connection may find the new master.
                leave.run();
            }
        } else {
            notAnswered(connection, Causes.isTimeout(failure));
        }
        return Causes.of(failure);
    }

    /** In time; or a node of a cluster has gone, whose connection is no link of ours. */
    private void notAnswered(Object connection, boolean late) {
        if (judge != null) {
            // If one of them is answered now and then, the line is only slow, and the next value may be shorter.
            if (late && System.nanoTime() - answeredAt > timeoutNanos && link.current() == connection) {
                link.drop();
            }
        } else if (breaker.timedOut()) {
            LOG.warn("The shared tier does not answer. Requests go on without it");
            probe(1);
        }
    }

    /** Now and then: a replica that nobody replaces is left no more often than that. */
    private synchronized boolean mayLeave() {
        long now = System.nanoTime();
        boolean may = leftAt == 0 || now - leftAt > LEAVE_NANOS;
        if (may) {
            leftAt = now;
        }
        return may;
    }

    private void tellOnce(String code) {
        if (!toldRefusal) {
            toldRefusal = true;
            LOG.warn("The shared tier refuses commands: the server says {}. Further cases are not reported", code);
        }
    }

    private void probe(int number) {
        try {
            prober.schedule(() -> probeNow(number), PROBE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // Closed meanwhile.
        }
    }

    private void probeNow(int number) {
        if (!breaker.isOpen()) {
            return;
        }
        sendAnyway(0, late -> {}, RedisClusterAsyncCommands::ping).whenComplete((pong, failure) -> {
            if (breaker.isOpen()) {
                if (number % PROBES_PER_CONNECTION == 0) {
                    link.drop();
                }
                probe(number + 1);
            }
        });
    }
}
