package dev.refrain.shared.redis;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTierException;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.MaintNotificationsConfig;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.SslOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.metrics.CommandLatencyRecorder;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultClientResources;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A {@link SharedTier} on Redis (6.2 or later) or Valkey: one server, one with Sentinel, or a cluster. It connects in
 * the background and retries, so that a host starts even if the server is down. Thread-safe.
 */
public final class RedisTier implements SharedTier {
    /** Limit of the bytes under way on each connection; higher if four entries of the greatest length exceed it. */
    private static final long MAX_UNDER_WAY = 64L << 20;

    private static final int READ_BYTES = 256 << 10;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(1);
    private static final int MACHINE_ID_BYTES = 16;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final RedisTierSettings settings;
    private final Names names;
    private final byte[] machine;
    private final ScheduledExecutorService timer;
    private final ClientResources resources;
    private final Servers servers;
    /** The clock of a cluster; null with a single server, whose scripts use its own clock. */
    private final TierClock clock;

    private final AtomicBoolean listening = new AtomicBoolean();
    private final Link<StatefulConnection<byte[], byte[]>> commandLink;
    private final Link<StatefulConnection<byte[], byte[]>> storeLink;
    private final Link<StatefulRedisPubSubConnection<byte[], byte[]>> noticeLink;
    private final Commands commands;
    private final Commands stores;
    private final Notices notices;
    private final Values values;
    private volatile boolean closed;

    /**
     * Opens the tier with a {@link MemoryBudget#ofHeap} of its own. Connects in the background.
     *
     * @throws IllegalArgumentException if the URI is not a valid one; the message does not quote it
     */
    public static RedisTier open(RedisTierSettings settings) {
        return open(settings, MemoryBudget.ofHeap());
    }

    /**
     * Opens the tier. Connects in the background.
     *
     * @param memory reserves the bytes that are under way to the server; preferably the budget of the cache
     * @throws IllegalArgumentException if the URI is not a valid one; the message does not quote it
     */
    public static RedisTier open(RedisTierSettings settings, MemoryBudget memory) {
        return new RedisTier(settings, ServerUri.of(settings.uri()), memory);
    }

    private RedisTier(RedisTierSettings settings, ServerUri uri, MemoryBudget memory) {
        this.settings = settings;
        this.names = new Names(settings.prefix());
        byte[] id = new byte[MACHINE_ID_BYTES];
        RANDOM.nextBytes(id);
        this.machine = Names.bytes(Names.text(id));
        this.timer = Executors.newSingleThreadScheduledExecutor(task -> {
            Thread thread = new Thread(task, "refrain-shared-timer");
            thread.setDaemon(true);
            return thread;
        });
        this.resources = DefaultClientResources.builder()
                .ioThreadPoolSize(2)
                .computationThreadPoolSize(2)
                .commandLatencyRecorder(CommandLatencyRecorder.disabled())
                .build();
        uri.servers().forEach(server -> server.setTimeout(CONNECT_TIMEOUT));
        ClientOptions options = options(settings.tls());
        this.servers = uri.isCluster()
                ? new ClusterServers(uri.servers(), names.log(), resources, options)
                : new OneServer(uri.servers().get(0), resources, options);
        this.clock = servers.isCluster() ? new TierClock() : null;
        long mostUnderWay = Math.max(MAX_UNDER_WAY, 4L * settings.maxEntryBytes());
        this.commands = new Commands(new Traffic(mostUnderWay, memory), settings.timeout(), timer);
        this.stores = commands.patient(new Traffic(mostUnderWay, memory), settings.sendTimeout());
        this.notices = new Notices(names, commands, settings, timer, Names.text(id), clock);
        this.values = new Values(names, commands, stores, settings, clock);
        OutageLog outage = new OutageLog();
        this.commandLink = new Link<>("commands", outage, servers::connect, timer, connection -> connected(), () -> {});
        this.storeLink =
                new Link<>("answers", outage, servers::connect, timer, connection -> stores.connected(), () -> {});
        this.noticeLink =
                new Link<>("notices", outage, servers::connectNotices, timer, notices::connected, notices::lost);
        servers.addListener(new RedisConnectionStateListener() {
            @Override
            public void onRedisDisconnected(RedisChannelHandler<?, ?> connection) {
                commandLink.lost(connection);
                storeLink.lost(connection);
                noticeLink.lost(connection);
            }
        });
        Runnable leave = () -> {
            commandLink.drop();
            storeLink.drop();
        };
        commands.use(commandLink, leave);
        stores.use(storeLink, leave);
        notices.use(noticeLink);
        commandLink.connect();
        storeLink.connect();
        if (clock == null) {
            noticeLink.connect();
        }
    }

    private static ClientOptions options(RedisTierSettings.Tls tls) {
        return ClientOptions.builder()
                .autoReconnect(false)
                .maintNotificationsConfig(MaintNotificationsConfig.disabled())
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(CONNECT_TIMEOUT)
                        .keepAlive(true)
                        .build())
                // Commands have their own timeouts here, because the ticks of Lettuce's timer are too long for them.
                .timeoutOptions(TimeoutOptions.builder().timeoutCommands(false).build())
                .sslOptions(ssl(tls))
                .build();
    }

    private static SslOptions ssl(RedisTierSettings.Tls tls) {
        SslOptions.Builder ssl = SslOptions.builder().jdkSslProvider();
        if (tls.caFile() != null) {
            ssl.trustManager(tls.caFile().toFile());
        }
        if (tls.clientCertificate() != null) {
            ssl.keyManager(tls.clientCertificate().toFile(), tls.clientKey().toFile(), new char[0]);
        }
        return ssl.build();
    }

    private void connected() {
        commands.connected();
        if (clock != null) {
            var unused = now();
            if (!listening.getAndSet(true)) {
                // Only a connection to the cluster tells which node sends notices.
                noticeLink.connect();
            }
        }
    }

    /**
     * The tier's time, for a script that may run at any node of a cluster. Empty with a single server, whose scripts
     * use its own clock.
     */
    private CompletionStage<byte[]> now() {
        if (clock == null) {
            return CompletableFuture.completedStage(new byte[0]);
        }
        return commands.run(Script.TIME_OF_LOG, new byte[][] {names.log()}).thenApply(answer -> {
            clock.observe(Notices.number(answer.get(0)));
            return time(clock);
        });
    }

    private static byte[] time(TierClock clock) {
        return Names.bytes(Values.time(clock.micros()));
    }

    // ---- entries

    @Override
    public CompletionStage<Found> get(byte[] key) {
        requireKey(key);
        return clock == null || clock.micros() > 0 ? values.get(key) : now().thenCompose(known -> values.get(key));
    }

    @Override
    public CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis) {
        return values.put(requireKey(key), entry, startedMicros, requirePositive(lifeMillis));
    }

    @Override
    public CompletionStage<Long> remove(byte[] key, long rememberMillis) {
        byte[][] entry = {names.entry(requireKey(key))};
        byte[] remember = digits(requirePositive(rememberMillis));
        // In a cluster, now() asks the node of the log for its time, so each barrier raised before is in the log.
        return now().thenCompose(
                        now -> run(Script.REMOVE, answer -> Notices.number(answer.get(0)), entry, remember, now));
    }

    // ---- barriers

    @Override
    public CompletionStage<Raised> raise(byte[] barrier) {
        if (barrier.length == 0 || barrier.length > MAX_BARRIER_LENGTH) {
            throw new IllegalArgumentException(
                    "the name of a barrier has 1 to " + MAX_BARRIER_LENGTH + " bytes, not " + barrier.length);
        }
        return notices.raise(barrier);
    }

    // ---- leases

    @Override
    public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
        byte[][] keys = {names.lease(requireKey(key)), names.waiters(key), names.entry(key)};
        byte[] forMillis = digits(millis == 0 ? 0 : requirePositive(millis));
        byte[] whenWanted = digits(requirePositive(wantedMillis));
        CompletionStage<byte[]> time =
                clock == null || clock.micros() == 0 ? now() : CompletableFuture.completedStage(time(clock));
        return time.thenCompose(now -> run(
                Script.LEASE,
                answer -> new Lease(Notices.number(answer.get(1)), isYes(answer), Notices.number(answer.get(2)) == 1),
                late -> giveBack(key, late),
                keys,
                names.machines(),
                key,
                machine,
                forMillis,
                whenWanted,
                now));
    }

    /** Releases a lease whose grant came after the caller's timeout, so that no other machine waits for the lease. */
    private void giveBack(byte[] key, List<Object> answer) {
        if (!answer.isEmpty() && isYes(answer)) {
            String token = Values.time(Notices.number(answer.get(1)));
            commands.runAnyway(Script.RELEASE, leaseKeys(key, token), names.machines(), key, Names.bytes(token));
        }
    }

    @Override
    public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
        String time = Values.time(token);
        return run(
                Script.RENEW,
                RedisTier::isYes,
                leaseKeys(key, time),
                Names.bytes(time),
                digits(requirePositive(millis)),
                machine);
    }

    @Override
    public CompletionStage<Boolean> release(byte[] key, long token) {
        String time = Values.time(token);
        return run(Script.RELEASE, RedisTier::isYes, leaseKeys(key, time), names.machines(), key, Names.bytes(time));
    }

    private byte[][] leaseKeys(byte[] key, String token) {
        return new byte[][] {
            names.lease(requireKey(key)), names.waiters(key), names.stream(key, token), names.streamLength(key, token)
        };
    }

    // ---- live streams

    @Override
    public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
        String time = Values.time(token);
        return run(
                Script.APPEND,
                answer -> appended(Notices.number(answer.get(0))),
                leaseKeys(key, time),
                names.machines(),
                key,
                Names.bytes(time),
                piece,
                digits(settings.maxEntryBytes()),
                digits(number),
                machine);
    }

    private static Appended appended(long answer) {
        return answer == 1 ? Appended.TAKEN : answer == 2 ? Appended.LOST : Appended.REFUSED;
    }

    @Override
    public CompletionStage<Pieces> read(byte[] key, long token, int from) {
        String time = Values.time(token);
        return run(
                Script.READ,
                answer -> {
                    List<byte[]> pieces = new ArrayList<>();
                    answer.subList(2, answer.size()).forEach(piece -> pieces.add((byte[]) piece));
                    return new Pieces(pieces, isYes(answer), (int) Notices.number(answer.get(1)));
                },
                new byte[][] {names.lease(requireKey(key)), names.waiters(key), names.stream(key, time)},
                Names.bytes(time),
                digits(from),
                digits(READ_BYTES),
                digits(settings.maxEntryBytes()));
    }

    // ---- notices

    @Override
    public void listen(long sinceMicros, Listener listener) {
        notices.listen(sinceMicros, listener);
    }

    @Override
    public boolean isAvailable() {
        return !closed && commands.isAvailable();
    }

    /** For tests: whether entries can be looked up and sent at this moment. */
    boolean canSend() {
        return isAvailable() && storeLink.current() != null;
    }

    @Override
    public Duration timeout() {
        return settings.timeout();
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        timer.shutdownNow();
        CompletionStage<?> left = notices.leave();
        commandLink.close();
        storeLink.close();
        noticeLink.close();
        notices.close();
        left.thenCompose(gone -> servers.close())
                .whenComplete((done, failure) -> resources.shutdown(0, 1, TimeUnit.SECONDS));
    }

    // ---- shared by all calls

    /** Runs a script. If another program has written to its keys, the answer may be malformed, and the call fails. */
    private <T> CompletionStage<T> run(
            Script script, Function<List<Object>, T> meaning, byte[][] keys, byte[]... arguments) {
        return run(script, meaning, late -> {}, keys, arguments);
    }

    private <T> CompletionStage<T> run(
            Script script,
            Function<List<Object>, T> meaning,
            Consumer<List<Object>> late,
            byte[][] keys,
            byte[]... arguments) {
        return commands.run(script, late, keys, arguments).thenCompose(answer -> {
            try {
                return CompletableFuture.completedStage(meaning.apply(answer));
            } catch (RuntimeException e) {
                return CompletableFuture.failedStage(
                        new SharedTierException("the shared tier holds a value of an unexpected form", null));
            }
        });
    }

    private static boolean isYes(List<Object> answer) {
        return Notices.number(answer.get(0)) == 1;
    }

    private static byte[] digits(long number) {
        return Names.bytes(Long.toString(number));
    }

    private static byte[] requireKey(byte[] key) {
        if (key.length != KEY_LENGTH) {
            throw new IllegalArgumentException("a key has " + KEY_LENGTH + " bytes, not " + key.length);
        }
        return key;
    }

    private static long requirePositive(long millis) {
        if (millis <= 0) {
            throw new IllegalArgumentException("a duration must be positive, was " + millis + " ms");
        }
        return millis;
    }
}
