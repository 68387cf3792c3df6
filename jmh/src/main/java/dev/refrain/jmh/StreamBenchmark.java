package dev.refrain.jmh;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

/**
 * Long streams, with an event for every few words. A hit replaces the id and the time in each event; the floor and the
 * peer leave both unchanged.
 */
public class StreamBenchmark extends MeasuredInForks {
    /** Streams, no two alike. */
    @State(Scope.Benchmark)
    public static class Streams {
        private static final int EVENT = 250;

        @Param({"32768", "204800"})
        private int answerBytes;

        byte[] stream(int number) {
            StringBuilder stream = new StringBuilder(answerBytes + EVENT);
            String id = "chatcmpl-" + (1_000_000_000L + number);
            for (int event = 0; stream.length() < answerBytes - EVENT; event++) {
                String head =
                        "data: {\"id\":\"" + id + "\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,"
                                + "\"model\":\"acme/large-2026\",\"system_fingerprint\":\"fp_5b26d85e12\","
                                + "\"choices\":[{\"index\":0,"
                                + "\"delta\":{\"content\":\"";
                String tail = "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
                stream.append(head)
                        .append(EnglishText.of(number * 1_000L + event, EVENT - head.length() - tail.length()))
                        .append(tail);
            }
            return stream.append("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
                    .toString()
                    .getBytes(StandardCharsets.US_ASCII);
        }

        long totalBytes(int entries) {
            return (long) entries * answerBytes;
        }
    }

    static byte[] digest(int entry) {
        byte[] digest = new byte[CacheKey.LENGTH];
        new SplittableRandom(entry).nextBytes(digest);
        return digest;
    }

    private static CacheKey key(byte[] digest) {
        return new CacheKey(Endpoint.CHAT, true, digest, 0);
    }

    /** Digests made beforehand, shared by all subjects. */
    @State(Scope.Benchmark)
    public static class Keys {
        private byte[][] digests;

        @Setup(Level.Trial)
        public void make(Popularity popularity) {
            digests = new byte[popularity.entries()][];
            for (int entry = 0; entry < digests.length; entry++) {
                digests[entry] = digest(entry);
            }
        }
    }

    @State(Scope.Benchmark)
    public static class InRefrain {
        @Param({"-1", "0"})
        private int hotMib;

        private TemporaryCache temporary;

        @Setup(Level.Trial)
        public void fill(Popularity popularity, Streams streams) throws IOException {
            temporary = new TemporaryCache(
                    Math.max(64L << 20, streams.totalBytes(popularity.entries())),
                    settings -> hotMib < 0 ? settings : settings.hotBytes((long) hotMib << 20));
            for (int entry = 0; entry < popularity.entries(); entry++) {
                temporary
                        .cache()
                        .store(key(digest(entry)), "text/event-stream", streams.stream(entry), CacheControls.MAX_TTL);
            }
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            temporary.close();
        }
    }

    @Benchmark
    public CachedResponse refrain(InRefrain in, Keys keys, Requests requests, AnswerBuffers buffers) {
        if (!in.temporary.cache().lookup(key(keys.digests[requests.nextEntry()]), buffers.response)) {
            throw HitBenchmark.miss();
        }
        return buffers.response;
    }

    /** The same streams as LZ4 blocks on the heap. */
    @State(Scope.Benchmark)
    public static class Blocks {
        private final LZ4SafeDecompressor decompressor =
                LZ4Factory.nativeInstance().safeDecompressor();
        private byte[][] blocks;

        @Setup(Level.Trial)
        public void compress(Popularity popularity, Streams streams) {
            LZ4Compressor compressor = LZ4Factory.nativeInstance().fastCompressor();
            blocks = new byte[popularity.entries()][];
            for (int entry = 0; entry < blocks.length; entry++) {
                blocks[entry] = compressor.compress(streams.stream(entry));
            }
        }
    }

    @Benchmark
    public int decompress(Blocks blocks, Requests requests, AnswerBuffers buffers) {
        byte[] block = blocks.blocks[requests.nextEntry()];
        return blocks.decompressor.decompress(block, 0, block.length, buffers.bytes, 0, buffers.bytes.length);
    }

    /** RocksDB, with all blocks uncompressed in its block cache. */
    @State(Scope.Benchmark)
    public static class InRocksDb {
        private Path directory;
        private Options options;
        private RocksDB db;

        @Setup(Level.Trial)
        public void fill(Popularity popularity, Keys keys, Streams streams) throws IOException, RocksDBException {
            RocksDB.loadLibrary();
            directory = Files.createTempDirectory("refrain-jmh-rocksdb");
            options = new Options()
                    .setCreateIfMissing(true)
                    .setCompressionType(CompressionType.LZ4_COMPRESSION)
                    .setTableFormatConfig(new BlockBasedTableConfig()
                            .setFilterPolicy(new BloomFilter(10))
                            .setBlockCache(
                                    new LRUCache(Math.max(64L << 20, 2 * streams.totalBytes(popularity.entries())))));
            db = RocksDB.open(options, directory.toString());
            for (int entry = 0; entry < popularity.entries(); entry++) {
                db.put(keys.digests[entry], streams.stream(entry));
            }
            db.compactRange();
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            db.close();
            options.close();
            PeerBenchmark.delete(directory);
        }
    }

    @Benchmark
    public byte[] rocksdb(InRocksDb in, Keys keys, Requests requests, AnswerBuffers buffers) throws RocksDBException {
        if (in.db.get(keys.digests[requests.nextEntry()], buffers.bytes) == RocksDB.NOT_FOUND) {
            throw HitBenchmark.miss();
        }
        return buffers.bytes;
    }
}
