package dev.refrain.shared.redis;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTierException;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.MaintNotificationsConfig;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
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
import java.util.function.Function;

/**
 * A {@link SharedTier} on one Redis (6.2 or later) or Valkey server. It connects in the background, again and again if
 * need be: a server that is not there is no reason not to start.
 */
public final class RedisTier implements SharedTier {
    /** What may be under way to the server, in bytes. */
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
    private final RedisClient client;
    private final Link<StatefulRedisConnection<byte[], byte[]>> commandLink;
    private final Link<StatefulRedisPubSubConnection<byte[], byte[]>> noticeLink;
    private final Commands commands;
    private final Notices notices;
    private final Values values;
    private volatile boolean closed;

    /**
     * Begins to connect.
     *
     * @throws IllegalArgumentException if the URI is not one; the message does not quote it
     */
    public static RedisTier open(RedisTierSettings settings) {
        RedisURI uri;
        try {
            uri = RedisURI.create(settings.uri());
        } catch (RuntimeException e) {
            // The cause may quote the password.
            throw new IllegalArgumentException(
                    "the URI of the shared tier is not redis://[user:password@]host[:port][/database], or rediss://");
        }
        uri.setTimeout(CONNECT_TIMEOUT);
        return new RedisTier(settings, uri);
    }

    private RedisTier(RedisTierSettings settings, RedisURI uri) {
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
        this.client = RedisClient.create(resources);
        client.setOptions(ClientOptions.builder()
                .autoReconnect(false)
                .maintNotificationsConfig(MaintNotificationsConfig.disabled())
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(CONNECT_TIMEOUT)
                        .keepAlive(true)
                        .build())
                .timeoutOptions(TimeoutOptions.builder()
                        .timeoutCommands()
                        .fixedTimeout(settings.timeout())
                        .build())
                .build());
        this.commands = new Commands(Math.max(MAX_UNDER_WAY, 4L * settings.maxEntryBytes()), settings.timeout(), timer);
        this.notices = new Notices(names, commands, settings, timer, Names.text(id));
        this.values = new Values(names, commands, settings);
        this.commandLink = new Link<>(
                "commands",
                () -> client.connectAsync(ByteArrayCodec.INSTANCE, uri),
                timer,
                connection -> commands.connected(),
                () -> {});
        this.noticeLink = new Link<>(
                "notices",
                () -> client.connectPubSubAsync(ByteArrayCodec.INSTANCE, uri),
                timer,
                notices::connected,
                notices::lost);
        client.addListener(new RedisConnectionStateListener() {
            @Override
            public void onRedisDisconnected(RedisChannelHandler<?, ?> connection) {
                commandLink.lost(connection);
                noticeLink.lost(connection);
            }
        });
        commands.use(commandLink);
        notices.use(noticeLink);
        commandLink.connect();
        noticeLink.connect();
    }

    // ---- entries

    @Override
    public CompletionStage<Found> get(byte[] key) {
        return values.get(requireKey(key));
    }

    @Override
    public CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis) {
        return values.put(requireKey(key), entry, startedMicros, requirePositive(lifeMillis));
    }

    @Override
    public CompletionStage<Long> remove(byte[] key, long rememberMillis) {
        return run(
                Script.REMOVE,
                answer -> Notices.number(answer.get(0)),
                new byte[][] {names.entry(requireKey(key))},
                digits(requirePositive(rememberMillis)));
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
        return run(
                Script.LEASE,
                answer -> new Lease(Notices.number(answer.get(1)), isYes(answer), Notices.number(answer.get(2)) == 1),
                new byte[][] {names.lease(requireKey(key)), names.waiters(key), names.entry(key)},
                names.machines(),
                key,
                machine,
                digits(requirePositive(millis)),
                digits(requirePositive(wantedMillis)));
    }

    @Override
    public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
        return run(
                Script.RENEW,
                RedisTier::isYes,
                new byte[][] {names.lease(requireKey(key)), names.waiters(key)},
                Names.bytes(Values.time(token)),
                digits(requirePositive(millis)));
    }

    @Override
    public CompletionStage<Boolean> release(byte[] key, long token) {
        String time = Values.time(token);
        return run(
                Script.RELEASE,
                RedisTier::isYes,
                new byte[][] {names.lease(requireKey(key)), names.waiters(key), names.stream(key, time)},
                names.machines(),
                key,
                Names.bytes(time));
    }

    // ---- live streams

    @Override
    public CompletionStage<Boolean> append(byte[] key, long token, byte[] piece) {
        String time = Values.time(token);
        return run(
                Script.APPEND,
                RedisTier::isYes,
                new byte[][] {
                    names.lease(requireKey(key)),
                    names.waiters(key),
                    names.stream(key, time),
                    names.streamLength(key, time)
                },
                names.machines(),
                key,
                Names.bytes(time),
                piece,
                digits(settings.maxEntryBytes()));
    }

    @Override
    public CompletionStage<Pieces> read(byte[] key, long token, int from) {
        String time = Values.time(token);
        return run(
                Script.READ,
                answer -> {
                    List<byte[]> pieces = new ArrayList<>();
                    answer.subList(1, answer.size()).forEach(piece -> pieces.add((byte[]) piece));
                    return new Pieces(pieces, isYes(answer));
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
        commandLink.close();
        noticeLink.close();
        notices.close();
        client.shutdownAsync(0, 1, TimeUnit.SECONDS)
                .whenComplete((done, failure) -> resources.shutdown(0, 1, TimeUnit.SECONDS));
    }

    // ----

    /** An answer that cannot be, from a key that something else was written to, is a failure of the tier. */
    private <T> CompletionStage<T> run(
            Script script, Function<List<Object>, T> meaning, byte[][] keys, byte[]... arguments) {
        return commands.run(script, keys, arguments).thenCompose(answer -> {
            try {
                return CompletableFuture.completedStage(meaning.apply(answer));
            } catch (RuntimeException e) {
                return CompletableFuture.failedStage(
                        new SharedTierException("the shared tier holds something that it cannot hold", null));
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
