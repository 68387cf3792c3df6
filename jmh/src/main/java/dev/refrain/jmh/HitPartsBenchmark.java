package dev.refrain.jmh;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.Endpoint;
import java.security.DigestException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.zip.CRC32C;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What a hit is made of, and the floors beneath two of its parts: {@link #sha256} under a key, {@link #decompress} under a lookup. */
public class HitPartsBenchmark extends MeasuredInForks {
    /** The two digests that a hit needs. */
    @State(Scope.Thread)
    public static class Digests {
        private final CRC32C crc = new CRC32C();
        private final byte[] digest = new byte[32];
        private MessageDigest sha256;

        @Setup(Level.Trial)
        public void make() throws GeneralSecurityException {
            sha256 = MessageDigest.getInstance("SHA-256");
        }
    }

    /** One request, scanned already. */
    @State(Scope.Thread)
    public static class Scanned {
        private CacheRequest request;

        @Setup(Level.Trial)
        public void scan(Requests requests) {
            request = CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.to(0));
        }
    }

    @Benchmark
    public CacheRequest scan(Requests requests) {
        return CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, requests.next());
    }

    @Benchmark
    public CacheKey key(EmptyCache keys, Scanned scanned) {
        return keys.cache().key(scanned.request).orElseThrow();
    }

    @Benchmark
    public byte[] sha256(Requests requests, Digests digests) throws DigestException {
        byte[] body = requests.next();
        digests.sha256.update(body, 0, body.length);
        digests.sha256.digest(digests.digest, 0, digests.digest.length);
        return digests.digest;
    }

    /** Find, copy out, check, decompress, patch. */
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
        byte[] block = answers.block(requests.nextEntry());
        digests.crc.reset();
        digests.crc.update(block, 0, block.length);
        return digests.crc.getValue();
    }
}
