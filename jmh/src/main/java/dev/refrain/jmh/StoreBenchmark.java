package dev.refrain.jmh;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.util.SplittableRandom;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Storing an answer: template, compression, put. Done once for each miss, after the client has its answer. */
public class StoreBenchmark extends MeasuredInForks {
    /** Answers made beforehand, to be stored again and again. */
    @State(Scope.Benchmark)
    public static class Ready {
        private static final int COUNT = 1024;

        private final byte[][] answers = new byte[COUNT][];
        private final LZ4Compressor compressor = LZ4Factory.nativeInstance().fastCompressor();

        @Setup(Level.Trial)
        public void make(ChatAnswers source) {
            for (int i = 0; i < COUNT; i++) {
                answers[i] = source.answer(i);
            }
        }

        byte[] answer(int i) {
            return answers[i & (COUNT - 1)];
        }
    }

    /** A full store, in which every new entry evicts old ones. */
    @State(Scope.Benchmark)
    public static class FullCache {
        private static final long CAPACITY = 64L << 20;

        private TemporaryCache temporary;

        @Setup(Level.Trial)
        public void fill(Ready ready, NewKeys keys) throws IOException {
            temporary = new TemporaryCache(CAPACITY);
            // Segments fill up at different times. After 1,000 evictions nearly all are full.
            for (int i = 0; temporary.cache().admin().stats().store().evictions() < 1000; i++) {
                temporary.cache().store(keys.next(), ChatAnswers.CONTENT_TYPE, ready.answer(i), CacheControls.MAX_TTL);
            }
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            temporary.close();
        }
    }

    /** Keys that were never used before. */
    @State(Scope.Thread)
    public static class NewKeys {
        private final SplittableRandom random = new SplittableRandom();
        private final byte[] digest = new byte[CacheKey.LENGTH];

        CacheKey next() {
            random.nextBytes(digest);
            return new CacheKey(Endpoint.CHAT, false, digest, 0);
        }
    }

    /** The floor: only the compression of the answer. */
    @Benchmark
    public int compress(Ready ready, Requests requests, AnswerBuffers buffers) {
        byte[] answer = ready.answer(requests.nextEntry());
        return ready.compressor.compress(answer, 0, answer.length, buffers.bytes, 0);
    }

    /** Replaces an older answer to the same request. */
    @Benchmark
    public boolean replace(FilledCache filled, Ready ready, Requests requests) {
        int entry = requests.nextEntry();
        return stored(filled.cache()
                .store(filled.key(entry), ChatAnswers.CONTENT_TYPE, ready.answer(entry), CacheControls.MAX_TTL));
    }

    /** Evicts answers to other requests. */
    @Benchmark
    public boolean evict(FullCache full, Ready ready, NewKeys keys, Requests requests) {
        return stored(full.temporary
                .cache()
                .store(
                        keys.next(),
                        ChatAnswers.CONTENT_TYPE,
                        ready.answer(requests.nextEntry()),
                        CacheControls.MAX_TTL));
    }

    private static boolean stored(boolean stored) {
        if (!stored) {
            throw new IllegalStateException("An answer was not stored: what is measured here is not a put");
        }
        return true;
    }
}
