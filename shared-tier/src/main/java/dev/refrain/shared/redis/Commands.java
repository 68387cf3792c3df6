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
 * Sends commands on one connection, as long as it exists and the server answers. Failures become
 * {@link SharedTierException}s. Thread-safe.
 */
final class Commands {
    private static final Logger LOG = LoggerFactory.getLogger(Commands.class);

    private static final long LEAVE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long PROBE_MILLIS = 1_000;
    /** After this many probes without an answer the connection may be dead, and is replaced. */
    private static final int PROBES_PER_CONNECTION = 3;
    /** Approximate memory that a command takes beside its contents, in bytes. */
    private static final int COMMAND_BYTES = 512;

    private final Breaker breaker = new Breaker(System::nanoTime);
    /** The object whose breaker decides whether the server answers; null if this object's own breaker does. */
    private final Commands judge;
    /** Runs probes; null if there is a judge, which then has the probes run. */
    private final ScheduledExecutorService prober;

    private final Traffic traffic;
    private final long timeoutNanos;
    private Link<StatefulConnection<byte[], byte[]>> link;
    private Runnable leave;
    private volatile boolean refusalLogged;
    /** Time of the last answer, by {@code System.nanoTime}. */
    private volatile long answeredAt;
    /** Time at which the connections to a replica were last closed, by {@code System.nanoTime}; guarded by this. */
    private long leftAt;

    /**
     * An object for commands that requests wait for.
     *
     * @param timeout timeout of each command
     * @param timer runs probes of a server that does not answer
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
     * An object for long commands, with a connection of its own, so that commands that requests wait for do not queue
     * behind long ones. Long commands are sent only while the server answers this object's commands.
     */
    Commands patient(Traffic ownTraffic, Duration timeout) {
        return new Commands(ownTraffic, timeout, this, null);
    }

    /**
     * To be called once, before any other method.
     *
     * @param leaveReplica called when the server turns out to be a replica, at most once in five seconds
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

    /** Runs a script. The answer has at least one element. */
    CompletionStage<List<Object>> run(Script script, byte[][] keys, byte[]... arguments) {
        return run(script, late -> {}, keys, arguments);
    }

    /**
     * Runs a script. The answer has at least one element.
     *
     * @param late receives an answer that comes after the timeout
     */
    CompletionStage<List<Object>> run(Script script, Consumer<List<Object>> late, byte[][] keys, byte[]... arguments) {
        return send(bytes(keys) + bytes(arguments), late, commands -> run(commands, script, keys, arguments));
    }

    /**
     * Runs a script even if the breaker is open. To be called when the server has just answered, though too late. The
     * script's result is ignored.
     */
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
     * @param bytes length of the command's contents in bytes, which count as under way until the command is answered
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
            // An answer after the timeout does not close the breaker.
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
            logRefusalOnce(code);
            if (code.equals("READONLY") && link.current() == connection && mayLeave()) {
                // The server is a replica. After a failover, a new connection may reach the new master.
                leave.run();
            }
        } else {
            notAnswered(connection, Causes.isTimeout(failure));
        }
        return Causes.of(failure);
    }

    /** A command was not answered in time, or failed because its connection to a cluster's node was lost. */
    private void notAnswered(Object connection, boolean late) {
        if (judge != null) {
            // As long as some of these commands are answered, the network is only slow, and the connection stays.
            if (late && System.nanoTime() - answeredAt > timeoutNanos && link.current() == connection) {
                link.drop();
            }
        } else if (breaker.timedOut()) {
            LOG.warn("The shared tier does not answer. Requests go on without it");
            probe(1);
        }
    }

    /**
     * Whether the connections to a replica may be closed now. Without a minimum time between two such steps,
     * connections would be made and closed all the time while no master exists.
     */
    private synchronized boolean mayLeave() {
        long now = System.nanoTime();
        boolean may = leftAt == 0 || now - leftAt > LEAVE_NANOS;
        if (may) {
            leftAt = now;
        }
        return may;
    }

    private void logRefusalOnce(String code) {
        if (!refusalLogged) {
            refusalLogged = true;
            LOG.warn(
                    "The shared tier refuses commands: the server says {}. Check its ACL, memory "
                            + "and role. Further cases are not reported",
                    code);
        }
    }

    private void probe(int number) {
        try {
            prober.schedule(() -> probeNow(number), PROBE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // The tier was closed meanwhile.
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
