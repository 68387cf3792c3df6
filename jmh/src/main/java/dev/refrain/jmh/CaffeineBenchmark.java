package dev.refrain.jmh;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.Endpoint;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The yardstick: what somebody would build who needs neither a file nor a second process. The same key, from the same request,
 * finds the same LZ4 block on the heap. It gives up more than the file: no checksum, no new id in the answer.
 */
public class CaffeineBenchmark extends MeasuredInForks {
    /** Every answer, by key. */
    @State(Scope.Benchmark)
    public static class Filled {
        private Cache<CacheKey, byte[]> blocks;

        @Setup(Level.Trial)
        public void fill(Popularity popularity, CompressedAnswers answers, EmptyCache keys) {
            blocks =
                    Caffeine.newBuilder().maximumSize(2L * popularity.entries()).build();
            Requests requests = new Requests();
            for (int entry = 0; entry < popularity.entries(); entry++) {
                CacheRequest request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.to(entry));
                blocks.put(keys.cache().key(request).orElseThrow(), answers.block(entry));
            }
        }
    }

    @Benchmark
    public int hit(
            Filled filled, CompressedAnswers answers, EmptyCache keys, Requests requests, AnswerBuffers buffers) {
        CacheRequest request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.next());
        CacheKey key = keys.cache().key(request).orElseThrow();
        byte[] block = filled.blocks.getIfPresent(key);
        if (block == null) {
            throw HitBenchmark.miss();
        }
        return answers.decompress(block, buffers.bytes);
    }
}
