package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.utf8;

import dev.refrain.engine.internal.hot.DirectMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;

/** A host with little direct memory that uses some itself. Prints figures for {@link DirectMemoryTest}, one a line. */
final class SmallDirectMemory {
    private static final int ANSWERS = 600;
    private static final String TEXT = "word ".repeat(600);

    private SmallDirectMemory() {}

    public static void main(String[] arguments) throws IOException {
        Path file = Path.of(arguments[0]);
        ByteBuffer host = ByteBuffer.allocateDirect(1 << 20);
        try (ResponseCache cache = open(file)) {
            System.out.println("first " + hotShare(cache, 0));
            System.out.println("second " + hotShare(cache, 1));
            System.out.println("rings " + DirectMemory.ofJvm().taken());
            // As much as the host may rely on: all but the quarter that copies may take.
            host = ByteBuffer.allocateDirect(10 << 20);
        }
        System.out.println("host " + host.capacity());
        host = null;
        for (int i = 0; i < 100; i++) {
            try (ResponseCache cache = open(file)) {
                fill(cache, 2, 40);
            }
        }
        try (ResponseCache cache = open(file)) {
            System.out.println("hundredth " + hotShare(cache, 3));
        }
        System.out.println("afterwards " + ByteBuffer.allocateDirect(15 << 20).capacity());
    }

    private static ResponseCache open(Path file) throws IOException {
        return ResponseCache.builder(file)
                .capacityBytes(32L << 20)
                .hotBytes(64L << 20)
                .memoBytes(0)
                .open();
    }

    private static CacheKey key(ResponseCache cache, int set, int number) {
        return cache.key(SampleAnswers.chat(
                        "{\"model\":\"m\",\"messages\":[],\"seed\":" + (set * 10_000 + number) + "}"))
                .orElseThrow();
    }

    private static void fill(ResponseCache cache, int set, int answers) {
        CachedResponse hit = new CachedResponse();
        for (int i = 0; i < answers; i++) {
            CacheKey key = key(cache, set, i);
            // Digits that do not compress, because an answer that compresses well gets no copy.
            StringBuilder text = new StringBuilder();
            java.util.SplittableRandom random = new java.util.SplittableRandom(set * 1000L + i);
            while (text.length() < TEXT.length()) {
                text.append(Long.toString(random.nextLong(), 36));
            }
            cache.store(key, "application/json", utf8(CHAT_ANSWER.replace("Hello", text)), Duration.ofHours(1));
            for (int n = 0; n < 4; n++) {
                cache.lookup(key, hit);
            }
        }
    }

    /** The percentage of hits that come from copies, once the set has been requested for some time. */
    private static long hotShare(ResponseCache cache, int set) {
        fill(cache, set, ANSWERS);
        CachedResponse hit = new CachedResponse();
        long before = 0;
        int rounds = 60;
        for (int round = 0; round < rounds; round++) {
            if (round == rounds - 1) {
                before = cache.admin().stats().hotHits();
            }
            for (int i = 0; i < ANSWERS; i++) {
                if (!cache.lookup(key(cache, set, i), hit)) {
                    throw new AssertionError("not stored: " + set + "/" + i);
                }
            }
        }
        return (cache.admin().stats().hotHits() - before) * 100 / ANSWERS;
    }
}
