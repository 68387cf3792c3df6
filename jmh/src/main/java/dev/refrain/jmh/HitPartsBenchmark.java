package dev.refrain.jmh;

import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.exchange.Endpoint;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * The parts of a hit, and the floors of two of them: {@link #sha256} for the key, {@link #decompress} for the lookup.
 */
public class HitPartsBenchmark extends MeasuredInForks {
    @Benchmark
    public boolean scan(Requests requests) {
        return CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.next()).isJsonObject();
    }

    @Benchmark
    public byte[] sha256(Requests requests, Digests digests) {
        return digests.sha256(requests.next());
    }

    /** Finds the entry, copies it out, checks it, decompresses the answer, and patches the id and the time. */
    @Benchmark
    public CachedResponse lookup(FilledCache filled, Requests requests, AnswerBuffers buffers) {
        if (!filled.cache().lookup(filled.key(requests.nextEntry()), buffers.response)) {
            throw HitBenchmark.miss();
        }
        return buffers.response;
    }

    @Benchmark
    public int decompress(CompressedAnswers answers, Requests requests, AnswerBuffers buffers) {
        return answers.decompress(answers.block(requests.nextEntry()), buffers.bytes);
    }

    @Benchmark
    public long crc32c(CompressedAnswers answers, Requests requests, Digests digests) {
        return digests.crc32c(answers.block(requests.nextEntry()));
    }
}
