package dev.refrain.jmh.load;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.spi.NoStore;
import dev.refrain.jmh.EnglishText;
import dev.refrain.shared.redis.RedisTier;
import dev.refrain.shared.redis.RedisTierSettings;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.HdrHistogram.Histogram;

/**
 * Measures costs and benefits of the shared tier, with a real server on loopback. A shared hit is compared with a plain
 * {@code GET} of as many bytes by the same client. Further figures: hits a second of one, two and four processes; hits
 * of the machine's own store and the delay of a miss, while the server answers, hangs, and has hung for a while; bytes
 * that an answer takes in the server. Prints lines of CSV.
 *
 * <p>Long, since each figure is a short method of its own.
 */
public final class SharedTierFigures {
    private static final int PORT = 16_398;
    private static final String URI = "redis://127.0.0.1:" + PORT;
    private static final int ANSWERS = 2_000;
    private static final int ANSWER_BYTES = 4_096;
    private static final int WARM_UP = 20_000;
    private static final int SAMPLES = 50_000;
    private static final int MISSES = 3_000;
    private static final int TURN = 500;
    private static final int CONCURRENT = 64;
    /** Time in which hits are counted; the property is in seconds. */
    private static final long LOAD_NANOS = TimeUnit.SECONDS.toNanos(Integer.getInteger("refrain.counted", 10));

    private static final byte[] SECRET = new byte[32];
    private static final CacheControls ON = CacheControls.on(CacheControls.DEFAULT_TTL);

    private SharedTierFigures() {}

    /**
     * Measures everything without arguments.
     *
     * @param args the URI of a running server, to measure only shared hits a second; {@code fill} and the URI, to store
     *     the answers there first
     */
    public static void main(String[] args) throws Exception {
        if (args.length == 2 && args[0].equals("fill")) {
            fill(args[1]);
            System.exit(0);
        }
        if (args.length > 0) {
            System.out.println(hits(args[0]));
            System.exit(0);
        }
        Process server = start();
        try {
            fill(URI);
            compare(bytes());
            for (int processes : new int[] {1, 2, 4}) {
                load(processes);
            }
            ownHits(server);
            misses(server);
        } finally {
            server.destroyForcibly();
        }
        System.exit(0);
    }

    private static Process start() throws IOException {
        Process server = new ProcessBuilder(
                        "redis-server", "--port", "" + PORT, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
                .redirectErrorStream(true)
                .start();
        // Waits for the line that says the server is ready. Later output fits into the pipe's buffer.
        BufferedReader output = server.inputReader();
        for (String line = output.readLine(); line != null && !line.contains("Ready to accept"); ) {
            line = output.readLine();
        }
        return server;
    }

    private static void signal(Process server, String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, "" + server.pid()).start().waitFor();
    }

    // ---- requests and answers

    private static CacheRequest request(int number) {
        String body = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"question " + number + "\"}]}";
        return CacheRequest.of(Endpoint.CHAT, "sk-figures", body.getBytes(StandardCharsets.UTF_8));
    }

    /** An answer in prose, which LZ4 compresses like a real answer. */
    private static byte[] answer(int number) {
        String head = "{\"id\":\"chatcmpl-" + number
                + "\",\"object\":\"chat.completion\",\"created\":1767225600,\"model\":\"m\","
                + "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"";
        String tail = "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":700,"
                + "\"total_tokens\":709}}";
        String text = EnglishText.of(number, ANSWER_BYTES - head.length() - tail.length());
        return (head + text + tail).getBytes(StandardCharsets.UTF_8);
    }

    private static ResponseCache cache(String uri, boolean keeps, Duration timeout) throws IOException {
        RedisTier tier = RedisTier.open(RedisTierSettings.of(uri).withTimeout(timeout));
        ResponseCache cache = ResponseCache.onHeap(64 << 20)
                .store(keeps ? new HeapStore(64 << 20) : new NoStore())
                .sharedTier(tier, SECRET)
                .open();
        until(() -> cache.admin().shared().orElseThrow().isConnected());
        return cache;
    }

    private static void until(BooleanSupplier holds) {
        while (!holds.getAsBoolean()) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    private static void fill(String uri) throws IOException {
        try (ResponseCache cache = cache(uri, true, Duration.ofSeconds(5))) {
            for (int number = 0; number < ANSWERS; number++) {
                CacheKey key = cache.key(request(number)).orElseThrow();
                cache.store(key, "application/json", answer(number), CacheControls.MAX_TTL);
            }
            until(() -> cache.admin().shared().orElseThrow().stores() >= ANSWERS);
        }
    }

    /** Waits for the end of an answer; for one request at a time. */
    private static final class Waiting implements ResponseSink {
        private final Semaphore ended = new Semaphore(0);
        private volatile boolean isShared;

        @Override
        public void head(ResponseHead head) {
            isShared = head.cache() instanceof CacheOutcome.SharedHit;
        }

        @Override
        public void chunk(ByteBuffer bytes) {}

        @Override
        public void end() {
            ended.release();
        }

        @Override
        public void fail(Throwable failure) {
            ended.release();
        }

        void await() {
            ended.acquireUninterruptibly();
        }
    }

    // ---- figures

    /** Prints the memory of an answer in the server. Returns the mean length of a value. */
    private static int bytes() {
        RedisClient client = RedisClient.create(URI);
        double sum = 0;
        long length = 0;
        try (StatefulRedisConnection<String, String> asked = client.connect()) {
            for (String key : asked.sync().keys("refrain:1:entry:*").subList(0, 200)) {
                sum += asked.sync().memoryUsage(key);
                length += asked.sync().strlen(key);
            }
        }
        client.shutdown(0, 1, TimeUnit.SECONDS);
        line("bytes in Redis for an answer of " + answer(1).length + " bytes (MEMORY USAGE)", sum / 200);
        return (int) (length / 200);
    }

    /** @param length of the values of hits */
    private static void compare(int length) throws Exception {
        Histogram hit = new Histogram(3);
        Histogram get = new Histogram(3);
        byte[] entry = new byte[length];
        new Random(1).nextBytes(entry);
        RedisClient client = RedisClient.create(URI);
        try (ResponseCache cache = cache(URI, false, Duration.ofSeconds(5));
                StatefulRedisConnection<byte[], byte[]> plain = client.connect(ByteArrayCodec.INSTANCE)) {
            byte[] name = "plain".getBytes(StandardCharsets.US_ASCII);
            plain.sync().set(name, entry);
            Waiting waiting = new Waiting();
            for (int done = 0; done < WARM_UP + SAMPLES; done += TURN) {
                if (done == WARM_UP) {
                    hit.reset();
                    get.reset();
                }
                for (int i = 0; i < TURN; i++) {
                    long start = System.nanoTime();
                    cache.respond(request((done + i) % ANSWERS), ON, SharedTierFigures::fail, waiting);
                    waiting.await();
                    hit.recordValue(System.nanoTime() - start);
                    if (!waiting.isShared) {
                        throw new IllegalStateException("no shared hit");
                    }
                }
                for (int i = 0; i < TURN; i++) {
                    long start = System.nanoTime();
                    plain.async().get(name).toCompletableFuture().join();
                    get.recordValue(System.nanoTime() - start);
                }
            }
        }
        client.shutdown(0, 1, TimeUnit.SECONDS);
        times("shared hit", hit);
        times("plain GET of " + entry.length + " bytes", get);
        line("shared hit / plain GET, p50", hit.getValueAtPercentile(50) / (double) get.getValueAtPercentile(50));
        line("shared hit / plain GET, p99", hit.getValueAtPercentile(99) / (double) get.getValueAtPercentile(99));
    }

    private static Upstream.Call fail(ResponseSink sink) {
        sink.fail(new IllegalStateException("no provider"));
        return Upstream.Call.UNSTOPPABLE;
    }

    private static void load(int processes) throws IOException {
        List<Process> all = new ArrayList<>();
        for (int i = 0; i < processes; i++) {
            all.add(new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-Xmx256m",
                            "-cp",
                            System.getProperty("java.class.path"),
                            SharedTierFigures.class.getName(),
                            URI)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start());
        }
        double sum = 0;
        for (Process process : all) {
            sum += Double.parseDouble(process.inputReader().readLine());
        }
        line("shared hits a second, " + processes + " processes", sum);
    }

    /** Shared hits a second of this process. */
    private static double hits(String uri) throws Exception {
        AtomicLong count = new AtomicLong();
        try (ResponseCache cache = cache(uri, false, Duration.ofSeconds(5))) {
            // Warm-up for the compiler.
            run(cache, TimeUnit.SECONDS.toNanos(2), new AtomicLong());
            long start = System.nanoTime();
            run(cache, LOAD_NANOS, count);
            return count.get() * 1e9 / (System.nanoTime() - start);
        }
    }

    private static void run(ResponseCache cache, long nanos, AtomicLong count) throws InterruptedException {
        long end = System.nanoTime() + nanos;
        Semaphore free = new Semaphore(CONCURRENT);
        for (int number = 0; System.nanoTime() < end; number++) {
            free.acquire();
            cache.respond(request(number % ANSWERS), ON, SharedTierFigures::fail, new ResponseSink() {
                @Override
                public void head(ResponseHead head) {
                    if (head.cache() instanceof CacheOutcome.SharedHit) {
                        count.incrementAndGet();
                    }
                }

                @Override
                public void chunk(ByteBuffer bytes) {}

                @Override
                public void end() {
                    free.release();
                }

                @Override
                public void fail(Throwable failure) {
                    free.release();
                }
            });
        }
        free.acquire(CONCURRENT);
    }

    /** Compares hits of this machine's own store with hits of a cache without a shared tier, in turn. */
    private static void ownHits(Process server) throws Exception {
        try (ResponseCache alone = ResponseCache.onHeap(64 << 20).open();
                ResponseCache cache = cache(URI, true, Duration.ofMillis(50))) {
            for (int number = 0; number < ANSWERS; number++) {
                for (ResponseCache each : List.of(alone, cache)) {
                    CacheKey key = each.key(request(number)).orElseThrow();
                    each.store(key, "application/json", answer(number), CacheControls.MAX_TTL);
                }
            }
            compareOwn(alone, cache, "answers");
            signal(server, "STOP");
            int number = 7_000_000;
            while (cache.admin().shared().orElseThrow().isAvailable()) {
                delays(cache, 1, number++);
            }
            compareOwn(alone, cache, "hangs");
            signal(server, "CONT");
            until(() -> cache.admin().shared().orElseThrow().isAvailable());
        }
    }

    private static void compareOwn(ResponseCache alone, ResponseCache cache, String server) {
        Histogram without = new Histogram(3);
        Histogram with = new Histogram(3);
        Waiting waiting = new Waiting();
        for (int done = 0; done < WARM_UP + SAMPLES; done += TURN) {
            if (done == WARM_UP) {
                without.reset();
                with.reset();
            }
            for (ResponseCache each : List.of(alone, cache)) {
                for (int i = 0; i < TURN; i++) {
                    long start = System.nanoTime();
                    each.respond(request((done + i) % ANSWERS), ON, SharedTierFigures::fail, waiting);
                    waiting.await();
                    (each == alone ? without : with).recordValue(System.nanoTime() - start);
                }
            }
        }
        times("own hit without a shared tier, meanwhile", without);
        times("own hit, server " + server, with);
    }

    private static void misses(Process server) throws Exception {
        try (ResponseCache alone = ResponseCache.onHeap(64 << 20).open()) {
            times("delay of a miss without a shared tier", delays(alone, MISSES, 1_000_000));
        }
        try (ResponseCache cache = cache(URI, true, Duration.ofMillis(50))) {
            delays(cache, MISSES, 2_000_000);
            times("delay of a miss, server answers", delays(cache, MISSES, 3_000_000));
            signal(server, "STOP");
            times("delay of a miss, server hangs, breaker not open yet", delays(cache, 5, 4_000_000));
            int number = 5_000_000;
            while (cache.admin().shared().orElseThrow().isAvailable()) {
                delays(cache, 1, number++);
            }
            times("delay of a miss, breaker open", delays(cache, MISSES, 6_000_000));
            signal(server, "CONT");
        }
    }

    /** Times from a request to the call of its provider. */
    private static Histogram delays(ResponseCache cache, int count, int from) throws InterruptedException {
        Histogram delays = new Histogram(3);
        for (int i = 0; i < count; i++) {
            CountDownLatch called = new CountDownLatch(1);
            long[] at = new long[1];
            CacheRequest request = request(from + i);
            long start = System.nanoTime();
            cache.respond(
                    request,
                    ON,
                    sink -> {
                        at[0] = System.nanoTime();
                        called.countDown();
                        return fail(sink);
                    },
                    new Waiting());
            called.await();
            delays.recordValue(at[0] - start);
        }
        return delays;
    }

    // ---- output

    private static void times(String what, Histogram histogram) {
        System.out.printf(
                Locale.ROOT,
                "%s,us,%.1f,%.1f%n",
                what,
                histogram.getValueAtPercentile(50) / 1e3,
                histogram.getValueAtPercentile(99) / 1e3);
    }

    private static void line(String what, double value) {
        System.out.printf(Locale.ROOT, "%s,,%.2f,%n", what, value);
    }
}
