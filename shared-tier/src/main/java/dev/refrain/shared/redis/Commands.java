package dev.refrain.shared.redis;

import dev.refrain.engine.spi.SharedTierException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisAsyncCommands;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends commands on the one connection, if there is one and the server answers. Failures become
 * {@link SharedTierException}s. Thread-safe.
 */
final class Commands {
    private static final Logger LOG = LoggerFactory.getLogger(Commands.class);

    private static final long LEAVE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long PROBE_MILLIS = 1_000;
    /** So many probes in vain mean that the connection itself may be dead, and another is made. */
    private static final int PROBES_PER_CONNECTION = 3;
    /** A command without its contents, roughly. */
    private static final int COMMAND_BYTES = 512;

    private final Breaker breaker = new Breaker(System::nanoTime);
    private final Traffic traffic;
    private final long timeoutNanos;
    private final ScheduledExecutorService timer;
    private Link<StatefulRedisConnection<byte[], byte[]>> link;
    private volatile boolean toldRefusal;
    /** When a replica was left, in nanoseconds; guarded by this. */
    private long leftAt;

    /**
     * @param maxBytes how many may be under way
     * @param timeout of each command
     */
    Commands(long maxBytes, Duration timeout, ScheduledExecutorService timer) {
        this.traffic = new Traffic(maxBytes);
        this.timeoutNanos = timeout.toNanos();
        this.timer = timer;
    }

    /** Called once, before anything else. */
    void use(Link<StatefulRedisConnection<byte[], byte[]>> over) {
        link = over;
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
        return send(
                bytes(keys) + bytes(arguments),
                commands -> commands.<List<Object>>evalsha(script.digest(), ScriptOutputType.MULTI, keys, arguments)
                        .handle((answer, failure) -> Causes.unwrapped(failure) instanceof RedisNoScriptException
                                ? commands.<List<Object>>eval(script.text(), ScriptOutputType.MULTI, keys, arguments)
                                : failure == null
                                        ? CompletableFuture.completedStage(answer)
                                        : CompletableFuture.<List<Object>>failedStage(failure))
                        .thenCompose(Function.identity()));
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
    <T> CompletionStage<T> send(long bytes, Function<RedisAsyncCommands<byte[], byte[]>, CompletionStage<T>> command) {
        if (breaker.isOpen()) {
            return refused("the shared tier does not answer");
        }
        return sendAnyway(bytes, command);
    }

    private <T> CompletionStage<T> sendAnyway(
            long bytes, Function<RedisAsyncCommands<byte[], byte[]>, CompletionStage<T>> command) {
        StatefulRedisConnection<byte[], byte[]> connection = link.current();
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
            stage = command.apply(connection.async());
        } catch (RuntimeException e) {
            stage = CompletableFuture.failedStage(e);
        }
        CompletableFuture<T> result = new CompletableFuture<>();
        stage.whenComplete((answer, failure) -> {
            if (Causes.isTimeout(failure)) {
                traffic.timedOut(counted, number);
            } else {
                traffic.answered(counted, number);
            }
            if (failure == null) {
                answered();
                result.complete(answer);
            } else {
                result.completeExceptionally(failed(failure, connection));
            }
        });
        // Lettuce's timer is a wheel whose ticks are longer than the timeout. What is not answered by then is still
        // counted by it: see Traffic.
        return result.orTimeout(timeoutNanos, TimeUnit.NANOSECONDS)
                .exceptionallyCompose(late -> CompletableFuture.failedStage(Causes.of(late)));
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
                link.drop();
            }
        } else if (Causes.isTimeout(failure) && breaker.timedOut()) {
            LOG.warn("The shared tier does not answer. Requests go on without it");
            probe(1);
        }
        return Causes.of(failure);
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
            timer.schedule(() -> probeNow(number), PROBE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            // Closed meanwhile.
        }
    }

    private void probeNow(int number) {
        if (!breaker.isOpen()) {
            return;
        }
        sendAnyway(0, RedisAsyncCommands::ping).whenComplete((pong, failure) -> {
            if (breaker.isOpen()) {
                if (number % PROBES_PER_CONNECTION == 0) {
                    link.drop();
                }
                probe(number + 1);
            }
        });
    }
}
