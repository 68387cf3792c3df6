package dev.refrain.shared.redis;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTier.Raised;
import dev.refrain.engine.spi.SharedTierException;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends and receives barriers and wake-ups by pub/sub. After each subscription, a machine reads the log of barriers,
 * from the time up to which it has received them all. So it misses no barrier, but may receive one twice.
 *
 * <p>A machine that raises a barrier gets the number of listening machines from the server, and waits for a
 * confirmation from each on its own channel. A machine that waits for a lease is woken on its own channel, so it
 * receives no notices of other leases. Thread-safe.
 *
 * <p>Long, since receiving, catching up and confirming share one state.
 */
final class Notices {
    private static final Logger LOG = LoggerFactory.getLogger(Notices.class);

    private static final int TIME_LENGTH = 16;
    private static final long HEARTBEAT_MILLIS = 1_000;
    /** A connection without an answer for this many heartbeats counts as dead. */
    private static final int MISSED_HEARTBEATS = 3;

    private static final int BATCH = 1_000;
    /**
     * Limit of the notices that wait for the listener. If a listener hangs and there are more, the connection is
     * replaced, and the log of barriers is read again.
     */
    private static final int MAX_WAITING = 100_000;

    private final Names names;
    private final Commands commands;
    private final RedisTierSettings settings;
    private final ScheduledExecutorService timer;
    private final String machine;
    private final byte[] channel;
    /** Null with a single server, whose scripts use its own clock. */
    private final TierClock clock;

    private final ThreadPoolExecutor teller;
    private final Map<Long, Raising> raising = new ConcurrentHashMap<>();
    private final AtomicLong raises = new AtomicLong();
    private Link<StatefulRedisPubSubConnection<byte[], byte[]>> link;
    private volatile SharedTier.Listener listener;
    private volatile long heardUntil;
    private final AtomicInteger missed = new AtomicInteger();
    /** The connection that is subscribed to barriers; guarded by this. */
    private Object subscribed;

    /** Whether the listener was last told {@code caughtUp}, and not {@code lost}. */
    private volatile boolean upToDate;

    /** A raised barrier, and the confirmations that have come for it. */
    private static final class Raising {
        private final CompletableFuture<Raised> result = new CompletableFuture<>();
        // Guarded by this.
        private long micros;
        private long expected = Long.MAX_VALUE;
        private long confirmed;

        synchronized void expect(long at, long machines) {
            micros = at;
            expected = machines;
            completeIfAll();
        }

        synchronized void confirmed() {
            confirmed++;
            completeIfAll();
        }

        private void completeIfAll() {
            if (confirmed >= expected) {
                result.complete(new Raised(micros, 0));
            }
        }

        synchronized void expire() {
            result.complete(new Raised(micros, (int) Math.max(0, expected - confirmed)));
        }
    }

    /**
     * Notices for a machine.
     *
     * @param machine its unique id
     * @param clock the clock of a cluster, or null
     */
    Notices(
            Names names,
            Commands commands,
            RedisTierSettings settings,
            ScheduledExecutorService timer,
            String machine,
            TierClock clock) {
        this.names = names;
        this.clock = clock;
        this.commands = commands;
        this.settings = settings;
        this.timer = timer;
        this.machine = machine;
        byte[] prefix = names.machines();
        this.channel = Arrays.copyOf(prefix, prefix.length + machine.length());
        System.arraycopy(Names.bytes(machine), 0, channel, prefix.length, machine.length());
        this.teller = new ThreadPoolExecutor(1, 1, 1, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MAX_WAITING), task -> {
            Thread thread = new Thread(task, "refrain-shared-notices");
            thread.setDaemon(true);
            return thread;
        });
        teller.allowCoreThreadTimeOut(true);
    }

    /** To be called once, before any other method. */
    void use(Link<StatefulRedisPubSubConnection<byte[], byte[]>> over) {
        link = over;
        timer.scheduleAtFixedRate(this::tryToBeat, HEARTBEAT_MILLIS, HEARTBEAT_MILLIS, TimeUnit.MILLISECONDS);
    }

    // ---- the connection

    void connected(StatefulRedisPubSubConnection<byte[], byte[]> connection) {
        missed.set(0);
        connection.addListener(new RedisPubSubAdapter<>() {
            @Override
            public void message(byte[] from, byte[] notice) {
                received(Arrays.equals(from, channel), notice);
            }
        });
        connection.async().subscribe(channel);
        if (listener != null) {
            subscribe(connection);
        }
    }

    void lost() {
        if (upToDate) {
            upToDate = false;
            tell(SharedTier.Listener::lost);
        }
    }

    void listen(long sinceMicros, SharedTier.Listener told) {
        synchronized (this) {
            if (listener != null) {
                throw new IllegalStateException("there is a listener already");
            }
            heardUntil = sinceMicros;
            listener = told;
        }
        StatefulRedisPubSubConnection<byte[], byte[]> connection = link.current();
        if (connection != null) {
            subscribe(connection);
        }
    }

    /**
     * Subscribes once for each connection, even if {@link #listen} and {@link #connected} call this at the same time.
     */
    private void subscribe(StatefulRedisPubSubConnection<byte[], byte[]> connection) {
        synchronized (this) {
            if (subscribed == connection) {
                return;
            }
            subscribed = connection;
        }
        connection.async().subscribe(names.notices()).whenComplete((done, failure) -> {
            if (failure == null) {
                catchUp(connection, heardUntil, true);
            } else if (link.current() == connection) {
                link.drop();
            }
        });
    }

    // ---- catching up

    private void catchUp(StatefulRedisPubSubConnection<byte[], byte[]> connection, long since, boolean first) {
        commands.run(
                        Script.CATCH_UP,
                        logKeys(),
                        Names.bytes(Long.toString(since)),
                        Names.bytes(Integer.toString(BATCH)),
                        Names.bytes(machine))
                .whenComplete((answer, failure) -> {
                    if (link.current() != connection) {
                        return;
                    }
                    try {
                        if (failure != null) {
                            timer.schedule(
                                    () -> catchUp(connection, since, first),
                                    HEARTBEAT_MILLIS / 4,
                                    TimeUnit.MILLISECONDS);
                        } else {
                            caughtUp(connection, since, first, answer);
                        }
                    } catch (RejectedExecutionException e) {
                        // The tier was closed meanwhile.
                    } catch (RuntimeException e) {
                        LOG.warn("The log of barriers in the shared tier cannot be read; Refrain tries again", e);
                    }
                });
    }

    private void caughtUp(
            StatefulRedisPubSubConnection<byte[], byte[]> connection, long since, boolean first, List<Object> answer) {
        long now = observe(number(answer.get(0)));
        long completeSince = number(answer.get(1));
        if (first && since < completeSince) {
            tell(told -> told.incomplete(completeSince));
        }
        long last = since;
        for (int i = 2; i + 1 < answer.size(); i += 2) {
            byte[] name = (byte[]) answer.get(i);
            long micros = number(answer.get(i + 1));
            last = Math.max(last, micros);
            if (name.length > 0) {
                tell(told -> told.raised(name, micros));
            }
        }
        if (answer.size() >= 2 + 2 * BATCH && last > since) {
            catchUp(connection, last, false);
        } else {
            upToDate = true;
            tellUpToDate(Math.max(now, last));
        }
    }

    private byte[][] logKeys() {
        return clock == null ? new byte[][] {names.log()} : new byte[][] {names.log(), names.listeners()};
    }

    /** Takes a time of the tier's clock into account, and returns it. */
    private long observe(long micros) {
        if (clock != null) {
            clock.observe(micros);
        }
        return micros;
    }

    private void tellUpToDate(long micros) {
        tell(told -> {
            heardUntil = micros;
            told.caughtUp(micros);
        });
    }

    /** Catches all exceptions, because the timer stops repeating a task that throws. */
    private void tryToBeat() {
        try {
            beat();
        } catch (RuntimeException e) {
            LOG.debug("A heartbeat of the shared tier failed", e);
        }
    }

    /**
     * One heartbeat. Notices come in order, so an answer to a ping on the same connection shows that all earlier
     * notices have come.
     */
    private void beat() {
        StatefulRedisPubSubConnection<byte[], byte[]> connection = link.current();
        if (connection == null) {
            return;
        }
        if (missed.getAndIncrement() >= MISSED_HEARTBEATS) {
            link.drop();
            return;
        }
        if (!upToDate) {
            connection.async().ping().thenRun(() -> missed.set(0));
            return;
        }
        CompletionStage<List<Object>> beat = clock == null
                ? commands.run(Script.TIME, new byte[0][])
                : commands.run(Script.BEAT, logKeys(), channel, Names.bytes(machine));
        beat.whenComplete((answer, failure) -> {
            if (failure == null) {
                observe(number(answer.get(0)));
                if (clock != null && number(answer.get(1)) == 0 && link.current() == connection) {
                    // The log has moved to another node, from which notices now come. This machine leaves the listeners
                    // first, so that no barrier waits for its confirmation meanwhile.
                    var unused = leave().thenRun(link::drop);
                    return;
                }
            }
            connection.async().ping().thenRun(() -> {
                missed.set(0);
                if (failure == null && upToDate && link.current() == connection) {
                    tellUpToDate(number(answer.get(0)));
                }
            });
        });
    }

    // ---- raising

    CompletionStage<Raised> raise(byte[] barrier) {
        long number = raises.incrementAndGet();
        Raising waiting = new Raising();
        raising.put(number, waiting);
        waiting.result.whenComplete((raised, failure) -> raising.remove(number));
        String head = "B" + machine + String.format("%016d", number);
        commands.run(
                        Script.RAISE,
                        logKeys(),
                        barrier,
                        Names.bytes(Integer.toString(settings.maxBarriers())),
                        names.notices(),
                        Names.bytes(head))
                .whenComplete((answer, failure) -> {
                    if (failure != null) {
                        waiting.result.completeExceptionally(failure);
                        return;
                    }
                    waiting.expect(observe(number(answer.get(0))), number(answer.get(1)));
                    try {
                        timer.schedule(
                                waiting::expire, settings.confirmTimeout().toNanos(), TimeUnit.NANOSECONDS);
                    } catch (RejectedExecutionException e) {
                        waiting.result.completeExceptionally(
                                new SharedTierException("the shared tier is closed", null));
                    }
                });
        return waiting.result;
    }

    /**
     * Handles a notice, {@code ours} if it came on this machine's channel. Others can publish as well, so a notice may
     * be anything.
     */
    private void received(boolean ours, byte[] notice) {
        char letter = notice.length == 0 ? ' ' : (char) notice[0];
        byte[] rest = notice.length == 0 ? notice : Arrays.copyOfRange(notice, 1, notice.length);
        if (!ours) {
            if (letter == 'B') {
                receivedBarrier(rest);
            }
        } else if (letter == 'A') {
            Raising waiting = isTime(rest, 0) && rest.length == TIME_LENGTH ? raising.get(time(rest, 0)) : null;
            if (waiting != null) {
                waiting.confirmed();
            }
        } else if (rest.length == SharedTier.KEY_LENGTH) {
            switch (letter) {
                case 'R' -> tell(told -> told.released(rest));
                case 'W' -> tell(told -> told.wanted(rest));
                case 'P' -> tell(told -> told.appended(rest));
                default -> LOG.debug("An unknown notice in the shared tier");
            }
        }
    }

    /**
     * Handles a notice of a barrier, which consists of the raising machine's id, its number for the barrier, the time
     * and the name.
     */
    private void receivedBarrier(byte[] notice) {
        int numberAt = machine.length();
        int timeAt = numberAt + TIME_LENGTH;
        int nameAt = timeAt + TIME_LENGTH;
        if (notice.length <= nameAt
                || notice.length > nameAt + SharedTier.MAX_BARRIER_LENGTH
                || !isTime(notice, numberAt)
                || !isTime(notice, timeAt)) {
            return;
        }
        observe(time(notice, timeAt));
        byte[] name = Arrays.copyOfRange(notice, nameAt, notice.length);
        byte[] confirmation = Arrays.copyOfRange(notice, numberAt - 1, timeAt);
        confirmation[0] = 'A';
        byte[] prefix = names.machines();
        byte[] raiser = Arrays.copyOf(prefix, prefix.length + machine.length());
        System.arraycopy(notice, 0, raiser, prefix.length, machine.length());
        tell(told -> {
            told.raised(name, time(notice, timeAt));
            commands.run(Script.CONFIRM, new byte[][] {names.log()}, raiser, confirmation);
        });
    }

    private void tell(Consumer<SharedTier.Listener> notice) {
        SharedTier.Listener told = listener;
        if (told == null) {
            return;
        }
        try {
            teller.execute(() -> {
                try {
                    notice.accept(told);
                } catch (RuntimeException e) {
                    LOG.warn("A notice of the shared tier could not be handled", e);
                }
            });
        } catch (RejectedExecutionException e) {
            if (!teller.isShutdown()) {
                LOG.warn("Too many notices of the shared tier are waiting; the connection is made anew");
                upToDate = false;
                link.drop();
            }
        }
    }

    private static boolean isTime(byte[] from, int at) {
        if (from.length < at + TIME_LENGTH) {
            return false;
        }
        for (int i = at; i < at + TIME_LENGTH; i++) {
            if (from[i] < '0' || from[i] > '9') {
                return false;
            }
        }
        return true;
    }

    private static long time(byte[] from, int at) {
        return Long.parseLong(new String(from, at, TIME_LENGTH, StandardCharsets.US_ASCII));
    }

    /** A number in a script's answer, as an integer or as text. */
    static long number(Object value) {
        return value instanceof Long number
                ? number
                : Long.parseLong(new String((byte[]) value, StandardCharsets.US_ASCII));
    }

    /** In a cluster, removes this machine from the listeners, so that no barrier waits for it. */
    CompletionStage<?> leave() {
        return clock == null
                ? CompletableFuture.completedStage(null)
                : commands.run(Script.LEAVE, logKeys(), Names.bytes(machine)).exceptionally(failure -> null);
    }

    void close() {
        teller.shutdown();
        raising.values()
                .forEach(waiting -> waiting.result.completeExceptionally(
                        new SharedTierException("the shared tier is closed", null)));
    }
}
