package dev.refrain.jmh;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.exchange.Endpoint;
import java.util.function.Function;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The peer: a cache in Caffeine, for programs that need neither a file nor a second process. It finds the LZ4 block of
 * the same answer on the heap. It does less than the engine: no checksum, no new id in the answer.
 */
public class CaffeineBenchmark extends MeasuredInForks {
    /** A Caffeine cache with every answer. */
    abstract static class Filled {
        private Cache<CacheKey, byte[]> blocks;

        final void fill(Popularity popularity, CompressedAnswers answers, Function<byte[], CacheKey> keyOf) {
            blocks =
                    Caffeine.newBuilder().maximumSize(2L * popularity.entries()).build();
            Requests requests = new Requests();
            for (int entry = 0; entry < popularity.entries(); entry++) {
                blocks.put(keyOf.apply(requests.to(entry)), answers.block(entry));
            }
        }

        final int hit(CacheKey key, CompressedAnswers answers, AnswerBuffers buffers) {
            byte[] block = blocks.getIfPresent(key);
            if (block == null) {
                throw HitBenchmark.miss();
            }
            return answers.decompress(block, buffers.bytes);
        }
    }

    /** Answers by the key that the engine derives. */
    @State(Scope.Benchmark)
    public static class ByEngineKey extends Filled {
        @Setup(Level.Trial)
        public void fill(Popularity popularity, CompressedAnswers answers, EmptyCache keys) {
            fill(popularity, answers, body -> engineKey(keys, body));
        }
    }

    /** Answers by a digest of the body alone. */
    @State(Scope.Benchmark)
    public static class ByDigest extends Filled {
        @Setup(Level.Trial)
        public void fill(Popularity popularity, CompressedAnswers answers) {
            Digests digests = new Digests();
            fill(popularity, answers, body -> digest(digests, body));
        }
    }

    /** A hit with the key of {@link HitBenchmark#hit}, so that the two differ only in the store. */
    @Benchmark
    public int hit(
            ByEngineKey filled, CompressedAnswers answers, EmptyCache keys, Requests requests, AnswerBuffers buffers) {
        return filled.hit(engineKey(keys, requests.next()), answers, buffers);
    }

    /**
     * A yardstick that uses no code of the engine, so that it does not become slower with the engine. Its key is the
     * digest of the request alone: it ignores callers and endpoints, and white space changes it.
     */
    @Benchmark
    public int yardstick(
            ByDigest filled, CompressedAnswers answers, Digests digests, Requests requests, AnswerBuffers buffers) {
        return filled.hit(digest(digests, requests.next()), answers, buffers);
    }

    private static CacheKey engineKey(EmptyCache keys, byte[] body) {
        CacheRequest request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, body);
        return keys.cache().key(request).orElseThrow();
    }

    private static CacheKey digest(Digests digests, byte[] body) {
        return new CacheKey(Endpoint.CHAT, false, digests.sha256(body), 0);
    }
}
