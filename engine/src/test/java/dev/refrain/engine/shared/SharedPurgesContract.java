package dev.refrain.engine.shared;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.ResponseCacheBuilder;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.testing.Await;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Checks wire rule W91 on every answer: clients ask three machines all the time, while one thread purges on any of
 * them, cuts them off, joins them again, and stops and starts them, in random order. Each call to the provider has a
 * number, which its answer contains. Take any request to a machine, and any purge that had been acknowledged to this
 * machine before: the answer must not come from a call before that purge.
 *
 * <p>A machine that is cut off knows all purges from before it was cut off, and its own. Once joined again, it knows
 * all purges. After a restart it has its old store, and knows the purges from before it was stopped, until it is joined
 * again. The check does not depend on how long anything takes.
 *
 * <p>Long, since machines, clients and the operator share the record of purges.
 */
public abstract class SharedPurgesContract {
    private static final byte[] SECRET = "a secret of a cluster, of 32 bytes or more".getBytes(StandardCharsets.UTF_8);
    private static final int MACHINES = 3;
    private static final int CLIENTS = 2;
    private static final int STEPS = Integer.getInteger("refrain.purges", 40);
    private static final Pattern NUMBER = Pattern.compile("number ([0-9]+) of ([0-9]+)\\.");
    private static final List<String> SCOPES = List.of("sk-one", "sk-other");
    private static final List<String> MODELS = List.of("acme/large", "acme/small");
    /** Number of keys. The three bits of a key's number are its scope, its model, and whether it is a stream. */
    private static final int KEYS = 8;

    /** A machine's tier, and the means to cut it off. */
    protected interface Connection {
        SharedTier tier();

        void cut();

        void join();
    }

    /** Connects another machine. */
    protected abstract Connection connection();

    /** More settings of a cache. */
    protected void configure(ResponseCacheBuilder builder) {}

    @TempDir
    Path folder;

    private final AtomicLong calls = new AtomicLong();
    private final AtomicBoolean stop = new AtomicBoolean();
    private final ConcurrentLinkedQueue<String> wrong = new ConcurrentLinkedQueue<>();
    private final AtomicInteger answers = new AtomicInteger();
    private final AtomicInteger hits = new AtomicInteger();
    private final AtomicInteger breaks = new AtomicInteger();
    private final AtomicInteger restarts = new AtomicInteger();
    private final List<String> steps = new ArrayList<>();
    /** For each key, the latest call whose answer must be gone from connected machines. */
    private final AtomicLongs floors = new AtomicLongs();

    private static final class AtomicLongs {
        private final AtomicLong[] values = new AtomicLong[KEYS];

        AtomicLongs() {
            Arrays.setAll(values, i -> new AtomicLong());
        }

        long get(int key) {
            return values[key].get();
        }

        void set(int key, long to) {
            values[key].set(to);
        }

        void raise(int key, long to) {
            values[key].accumulateAndGet(to, Math::max);
        }
    }

    private final class Machine {
        final Path store;
        /** Clients hold the read lock while they ask, so that none asks while the machine is stopped. */
        final ReadWriteLock running = new ReentrantReadWriteLock();

        volatile Connection connection;
        volatile ResponseCache cache;
        /**
         * For each key, the latest call whose answer must be gone from this machine, even while it is cut off: because
         * of its own purges, and of those that it knew when it was cut off.
         */
        final AtomicLongs own = new AtomicLongs();
        /** Whether the machine knows the purges of other machines. */
        volatile boolean joined = true;

        Machine(int number) throws IOException {
            store = folder.resolve("machine-" + number);
            start();
            Await.until(this::isConnected);
        }

        private void start() throws IOException {
            connection = connection();
            ResponseCacheBuilder builder = ResponseCache.builder(store)
                    .capacityBytes(16 << 20)
                    .maxAnswerBytes(64 << 10)
                    .sharedTier(connection.tier(), SECRET);
            configure(builder);
            cache = builder.open();
        }

        /** @param meanwhile runs while the machine is stopped */
        void restart(Runnable meanwhile) throws IOException {
            if (!joined) {
                join();
            }
            running.writeLock().lock();
            try {
                cache.close();
                joined = false;
                // After the restart this machine knows all purges that were acknowledged to all machines. Its own
                // removals may not have been announced yet, so they do not count.
                for (int key = 0; key < KEYS; key++) {
                    own.set(key, floors.get(key));
                }
                meanwhile.run();
                start();
            } finally {
                running.writeLock().unlock();
            }
            // Clients send requests to this machine before it has learnt what was removed.
            Await.until(this::isConnected);
            joined = true;
        }

        boolean isConnected() {
            return cache.admin().shared().orElseThrow().isConnected();
        }

        long floor(int key) {
            // "joined" is read first: "cut" copies the purges of others before it changes "joined".
            return joined ? Math.max(own.get(key), floors.get(key)) : own.get(key);
        }

        void cut() {
            for (int key = 0; key < KEYS; key++) {
                own.raise(key, floors.get(key));
            }
            joined = false;
            connection.cut();
            Await.until(() -> !isConnected());
        }

        void join() {
            connection.join();
            Await.until(this::isConnected);
            joined = true;
        }
    }

    // ---- requests and answers

    private static String scope(int key) {
        return SCOPES.get(key & 1);
    }

    private static String model(int key) {
        return MODELS.get(key >> 1 & 1);
    }

    private static boolean isStream(int key) {
        return key >> 2 == 1;
    }

    private static CacheRequest request(int key) {
        String body = "{\"model\":\"" + model(key) + "\",\"stream\":" + isStream(key) + ",\"messages\":[]}";
        return CacheRequest.of(Endpoint.CHAT, scope(key), body.getBytes(StandardCharsets.UTF_8));
    }

    private static String event(String content, String finish) {
        return "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                + "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + content + "\"},\"finish_reason\":" + finish
                + "}]}\n\n";
    }

    /** Answers on its own thread, like a provider, after a moment. */
    private Upstream provider(int key) {
        return sink -> {
            long number = calls.incrementAndGet();
            String text = "number " + number + " of " + key + ".";
            var unused = CompletableFuture.runAsync(
                    () -> answer(sink, isStream(key), text),
                    CompletableFuture.delayedExecutor(number % 4, TimeUnit.MILLISECONDS));
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    private static void answer(ResponseSink sink, boolean isStream, String text) {
        if (isStream) {
            sink.head(new ResponseHead(200, "text/event-stream", null, -1, null, null, Map.of()));
            sink.chunk(bytes(event(text, "null")));
            LockSupport.parkNanos(1_000_000);
            sink.chunk(bytes(event("", "\"stop\"") + "data: [DONE]\n\n"));
        } else {
            ByteBuffer body = bytes("{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,"
                    + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" + text
                    + "\"},\"finish_reason\":\"stop\"}]}");
            sink.head(new ResponseHead(200, "application/json", null, body.remaining(), null, null, Map.of()));
            sink.chunk(body);
        }
        sink.end();
    }

    private static ByteBuffer bytes(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    // ---- clients

    private void ask(Machine machine, String name, Random random) {
        int key = random.nextInt(KEYS);
        boolean clear = random.nextInt(40) == 0;
        boolean leaves = random.nextInt(20) == 0;
        CompletableFuture<Runnable> gone = new CompletableFuture<>();
        CacheControls controls = new CacheControls(true, Duration.ofMinutes(5), clear);
        long floor = machine.floor(key);
        long before = calls.get();
        StringBuilder got = new StringBuilder();
        CompletableFuture<Boolean> over = new CompletableFuture<>();
        machine.cache.respond(request(key), controls, provider(key), new ResponseSink() {
            @Override
            public void head(ResponseHead head) {}

            @Override
            public void chunk(ByteBuffer bytes) {
                got.append(StandardCharsets.UTF_8.decode(bytes));
            }

            @Override
            public void end() {
                over.complete(true);
            }

            @Override
            public void fail(Throwable cause) {
                over.complete(false);
            }

            @Override
            public void whenGone(Runnable action) {
                gone.complete(action);
            }
        });
        if (leaves) {
            // On a hit, no listener is registered.
            gone.thenAccept(Runnable::run);
            return;
        }
        boolean whole;
        try {
            whole = over.get(60, TimeUnit.SECONDS);
        } catch (TimeoutException | ExecutionException e) {
            wrong.add(name + " got no answer to " + key);
            return;
        } catch (InterruptedException e) {
            return;
        }
        Matcher number = NUMBER.matcher(got);
        if (!number.find()) {
            // A stream that is followed elsewhere may be cut; a document never is.
            breaks.incrementAndGet();
            if (whole || !isStream(key)) {
                wrong.add(name + " got this for " + key + ": " + got);
            }
            return;
        }
        long call = Long.parseLong(number.group(1));
        if (Integer.parseInt(number.group(2)) != key) {
            wrong.add(name + " got another's answer: " + got);
        }
        if (call <= floor) {
            wrong.add(name + " got call " + call + " of key " + key + ", purged up to " + floor);
        }
        if (clear && call <= before) {
            wrong.add(name + " cleared key " + key + " and got call " + call + ", from before " + before);
        }
        answers.incrementAndGet();
        if (call <= before) {
            hits.incrementAndGet();
        }
    }

    private Thread client(Machine machine, String name, long seed) {
        Thread thread = new Thread(
                () -> {
                    Random random = new Random(seed);
                    while (!stop.get()) {
                        machine.running.readLock().lock();
                        try {
                            ask(machine, name, random);
                        } finally {
                            machine.running.readLock().unlock();
                        }
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    // ---- the operator

    private interface Matching {
        boolean test(int key);
    }

    /** Purges matching keys. After this returns, no connected machine may have them. */
    private void purge(Machine on, Matching matching, Runnable purge) {
        long last = calls.get();
        purge.run();
        for (int key = 0; key < KEYS; key++) {
            if (matching.test(key)) {
                on.own.raise(key, last);
                if (on.joined) {
                    floors.raise(key, last);
                }
            }
        }
    }

    private void step(List<Machine> machines, Random random) throws IOException {
        int number = random.nextInt(MACHINES);
        Machine on = machines.get(number);
        int which = random.nextInt(KEYS);
        int what = random.nextInt(9);
        steps.add(String.format(
                "step %d of key %d on machine %d (%s), after call %d", what, which, number, on.joined, calls.get()));
        switch (what) {
            case 0 -> purge(on, key -> true, () -> on.cache.admin().clear());
            case 1 ->
                purge(
                        on,
                        key -> scope(key).equals(scope(which)),
                        () -> on.cache.admin().removeScope(scope(which)));
            case 2 ->
                purge(
                        on,
                        key -> model(key).equals(model(which)),
                        () -> on.cache.admin().removeModel(model(which)));
            case 3 -> {
                CacheKey purged = on.cache.key(request(which)).orElseThrow();
                purge(on, key -> key == which, () -> on.cache.admin().removeDigest(purged.shortDigest()));
            }
            case 4 -> {
                // Other machines hear of the removal a moment later.
                long last = calls.get();
                on.cache.remove(on.cache.key(request(which)).orElseThrow());
                on.own.raise(which, last);
            }
            case 5 -> {
                Machine other = machines.get((number + 1) % MACHINES);
                on.restart(() -> purge(
                        other,
                        key -> model(key).equals(model(which)),
                        () -> other.cache.admin().removeModel(model(which))));
                restarts.incrementAndGet();
            }
            case 6, 7 -> {
                if (on.joined) {
                    on.cut();
                } else {
                    on.join();
                }
            }
            default -> LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
        }
    }

    @Test
    void w91_noAnswerIsOlderThanAPurgeThatTheMachineKnows() throws Exception {
        long seed = Long.getLong("refrain.seed", System.nanoTime());
        Random random = new Random(seed);
        List<Machine> machines = new ArrayList<>();
        List<Thread> clients = new ArrayList<>();
        try {
            for (int i = 0; i < MACHINES; i++) {
                machines.add(new Machine(i));
            }
            for (int i = 0; i < MACHINES * CLIENTS; i++) {
                int machine = i % MACHINES;
                clients.add(client(machines.get(machine), "client " + i + " of machine " + machine, random.nextLong()));
            }
            for (int i = 0; i < STEPS && wrong.isEmpty(); i++) {
                int before = answers.get();
                step(machines, random);
                Await.until(() -> answers.get() > before + 2 * MACHINES || !wrong.isEmpty());
            }
            stop.set(true);
            for (Thread client : clients) {
                client.join(TimeUnit.SECONDS.toMillis(90));
                assertThat(client.isAlive()).as(client.getName()).isFalse();
            }
            for (Machine machine : machines) {
                if (!machine.joined) {
                    machine.join();
                }
                Await.until(() -> machine.cache.admin().joinableFlights() == 0
                        && machine.cache.admin().memory().usedBytes() == 0);
            }
        } finally {
            stop.set(true);
            machines.forEach(machine -> machine.cache.close());
        }
        assertThat(wrong)
                .as("seed %d, %s", seed, steps.subList(Math.max(0, steps.size() - 10), steps.size()))
                .isEmpty();
        assertThat(hits.get()).as("hits of %d answers", answers.get()).isPositive();
        assertThat(breaks.get()).as("streams that were cut").isLessThan(answers.get());
    }
}
