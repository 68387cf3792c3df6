package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * An embedder does everything to a cache at the same time, closing included. Nothing is thrown. No answer belongs to
 * another request, is torn, or is older than an answer that had replaced it before the lookup began. {@code
 * -Drefrain.hostile.seconds} makes the test run for longer, and {@code -Drefrain.hostile.seed} sets its seed.
 */
class HostileEmbedderTest {
    private static final long SECONDS = Long.getLong("refrain.hostile.seconds", 3);
    private static final long SEED = Long.getLong("refrain.hostile.seed", System.nanoTime());
    private static final int THREADS = 4;
    private static final int HITS_OF_A_CACHE = 200;
    private static final int KEYS = 40;
    private static final Duration TTL = Duration.ofHours(1);

    @TempDir
    Path folder;

    /** The generation of each answer that is known to be stored. Only the thread that owns the answer stores it. */
    private final AtomicIntegerArray stored = new AtomicIntegerArray(KEYS);

    private final AtomicInteger hits = new AtomicInteger();
    private volatile ResponseCache cache;

    private ResponseCache open(int number) throws IOException {
        return ResponseCache.builder(folder.resolve("answers" + number))
                .capacityBytes(16L << 20)
                .hotBytes(1 << 20)
                .memoBytes(1 << 20)
                .sweepInterval(Duration.ofMillis(50))
                .open();
    }

    private static byte[] request(int number) {
        return utf8("{\"model\":\"m" + number % 3 + "\",\"messages\":[],\"user\":\"" + number + "\"}");
    }

    private static String apiKey(int number) {
        return "sk-" + number % 4;
    }

    private static CacheRequest cacheRequest(int number) {
        return CacheRequest.of(Endpoint.CHAT, apiKey(number), request(number));
    }

    private static byte[] answer(int number, int generation) {
        String word = number + "/" + generation + " ";
        // Up to 60 KB, so that some answers have several parts; random, because text that compresses well has no hot
        // copy of its entry.
        SplittableRandom random = new SplittableRandom(number * 1000L + generation % 7);
        StringBuilder text = new StringBuilder(word);
        int length = 20 << random.nextInt(12);
        while (text.length() < length) {
            text.append(Long.toString(random.nextLong(), 36)).append(' ');
        }
        return utf8(CHAT_ANSWER.replace("Hello", text.append(word).toString()));
    }

    private void check(int number, int atLeast, byte[] body) {
        String text = new String(body, StandardCharsets.UTF_8);
        int begin = text.indexOf("\"content\":\"") + 11;
        String word = text.substring(begin, text.indexOf(' ', begin));
        int generation = Integer.parseInt(word.substring(word.indexOf('/') + 1));
        String expected = new String(answer(number, generation), StandardCharsets.UTF_8);
        String mark = "\"content\":";
        if (!word.startsWith(number + "/")
                || generation < atLeast
                || !text.substring(text.indexOf(mark), text.indexOf("\"usage\""))
                        .equals(expected.substring(expected.indexOf(mark), expected.indexOf("\"usage\"")))) {
            throw new AssertionError(
                    "seed " + SEED + ": request " + number + " from generation " + atLeast + " on got " + word);
        }
        hits.incrementAndGet();
    }

    @Test
    @Timeout(value = 12, unit = TimeUnit.HOURS)
    void nothingIsThrownAndNoAnswerIsWrong() throws Exception {
        cache = open(0);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS + 1);
        List<Future<Void>> results = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        BooleanSupplier goOn = () -> System.nanoTime() - end < 0;
        try {
            for (int i = 0; i < THREADS; i++) {
                results.add(threads.submit(embedder(i, goOn)));
            }
            results.add(threads.submit(closer(goOn)));
            for (Future<Void> result : results) {
                result.get();
            }
        } finally {
            threads.shutdownNow();
            cache.close();
        }
        assertThat(hits.get()).isGreaterThan(50);
    }

    /** Closes the cache while others use it, and opens one in another file. */
    private Callable<Void> closer(BooleanSupplier goOn) {
        return () -> {
            for (int number = 1; goOn.getAsBoolean(); number++) {
                awaitMoreHits(goOn);
                ResponseCache next = open(number);
                ResponseCache old = cache;
                cache = next;
                old.close();
            }
            return null;
        };
    }

    /** Makes sure that each cache is in use when it is closed. */
    private void awaitMoreHits(BooleanSupplier goOn) {
        int enough = hits.get() + HITS_OF_A_CACHE;
        while (hits.get() < enough && goOn.getAsBoolean()) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    private Callable<Void> embedder(int thread, BooleanSupplier goOn) {
        return () -> {
            SplittableRandom random = new SplittableRandom(SEED + thread);
            CachedResponse hit = new CachedResponse();
            while (goOn.getAsBoolean()) {
                ResponseCache current = cache;
                // Some answers are requested often, so that they get hot copies.
                int number = random.nextInt(random.nextInt(KEYS) + 1);
                int atLeast = stored.get(number);
                CacheKey key = current.key(cacheRequest(number)).orElseThrow();
                int what = random.nextInt(1_000);
                if (what < 700) {
                    if (what < 350 ? current.lookup(key, hit) : lookup(current, number, hit)) {
                        check(number, atLeast, hit.toByteArray());
                    }
                } else if (what < 960) {
                    store(current, thread, number, key);
                } else if (what < 985) {
                    respond(current, number, atLeast);
                } else {
                    disturb(current, what, number, key);
                }
            }
            return null;
        };
    }

    private static boolean lookup(ResponseCache cache, int number, CachedResponse into) {
        byte[] body = request(number);
        KeyContext context = cache.pipeline()
                .context(Endpoint.CHAT, cache.pipeline().scope(apiKey(number)))
                .build();
        return cache.answers().find(context, body, 0, body.length, into);
    }

    private void store(ResponseCache current, int thread, int number, CacheKey key) {
        // Each answer is stored by one thread only, so that its latest generation is known.
        if (number % THREADS == thread) {
            int generation = stored.get(number) + 1;
            current.store(key, "application/json", answer(number, generation), TTL);
            // Whether the new answer was stored or not, the older one is gone, unless the cache has been closed.
            if (current == cache) {
                stored.set(number, generation);
            }
        }
    }

    /**
     * Answers from the store, or from a provider that has the latest answer. The provider's answer is not stored,
     * because it may come later than a newer one.
     */
    private void respond(ResponseCache current, int number, int atLeast) throws Exception {
        CacheDirectives noStore = new CacheDirectives(false, true, CacheDirectives.ANY_AGE, false, 0);
        WholeAnswer whole = current.respond(
                        cacheRequest(number), CacheControls.on(TTL).with(noStore), sink -> {
                            sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
                            sink.chunk(ByteBuffer.wrap(answer(number, stored.get(number))));
                            sink.end();
                            return Upstream.Call.UNSTOPPABLE;
                        })
                .toCompletableFuture()
                .get(10, TimeUnit.SECONDS);
        check(number, atLeast, whole.toByteArray());
    }

    private static void disturb(ResponseCache current, int what, int number, CacheKey key) {
        switch (what % 12) {
            case 0 -> current.admin().clear();
            case 1 -> current.admin().removeScope(apiKey(number));
            case 2 -> current.admin().removeModel("m" + number % 3);
            case 3 -> current.admin().removeDigest(key.shortDigest());
            case 4 -> current.admin().sweep();
            case 5 -> current.admin().stats();
            case 6 -> current.admin().inspect(key);
            case 7 -> current.admin().keyParts(cacheRequest(number));
            default -> current.remove(key);
        }
    }

    /**
     * A store that throws, against its contract. Each exception counts as a miss, or as an answer that was not stored.
     */
    private static final class ThrowingStore extends ForwardingStore {
        private boolean throwsOnHead;
        private boolean throwsOnGet;
        private boolean throwsOnPut;

        @Override
        public boolean head(byte[] key, byte[] into) {
            if (throwsOnHead) {
                throw new NullPointerException("head");
            }
            return super.head(key, into);
        }

        @Override
        public boolean get(byte[] key, EntryBuffer into) {
            if (throwsOnGet) {
                throw new IllegalStateException("closed");
            }
            return super.get(key, into);
        }

        @Override
        public boolean put(byte[] key, EntryBuffer entry) {
            if (throwsOnPut) {
                throw new OutOfMemoryError("direct memory");
            }
            return super.put(key, entry);
        }
    }

    @Test
    void f18_aFailingCopyNeverFailsAHit() throws IOException {
        ThrowingStore store = new ThrowingStore();
        try (ResponseCache failing = ResponseCache.builder(folder.resolve("none"))
                .store(store)
                .hotBytes(1 << 20)
                .open()) {
            CacheKey key = failing.key(cacheRequest(1)).orElseThrow();
            assertThat(failing.store(key, "application/json", answer(1, 1), TTL))
                    .isTrue();
            store.throwsOnHead = true;
            CachedResponse hit = new CachedResponse();
            assertThat(failing.lookup(key, hit)).isTrue();
            check(1, 1, hit.toByteArray());

            store.throwsOnGet = true;
            assertThat(failing.lookup(key, hit)).isFalse();
            store.throwsOnPut = true;
            assertThat(failing.store(key, "application/json", answer(1, 2), TTL))
                    .isFalse();
        }
    }
}
