package dev.refrain.jmh;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CachedResponse;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.caffinitas.ohc.CacheSerializer;
import org.caffinitas.ohc.DirectValueAccess;
import org.caffinitas.ohc.OHCache;
import org.caffinitas.ohc.OHCacheBuilder;
import org.lmdbjava.Dbi;
import org.lmdbjava.DbiFlags;
import org.lmdbjava.Env;
import org.lmdbjava.EnvFlags;
import org.lmdbjava.Txn;
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
import redis.clients.jedis.Jedis;

/**
 * Other stores that a user could take. Each gets the same key and delivers the same answer: with a new id and the
 * current time, in the caller's buffer. All data is in memory or in the page cache. A peer has no checksum, expiry or
 * hit counts, unless it has them built in.
 *
 * <p>Each peer is used as its documentation says it is fastest: OHC and LMDB without a copy on the way to the
 * decompressor, RocksDB into the caller's array, Redis through one connection for each thread.
 */
public class PeerBenchmark extends MeasuredInForks {
    /** Refrain with only a path and a capacity set, unless {@code hotMib} limits the memory for copies. */
    @State(Scope.Benchmark)
    public static class InRefrain {
        @Param("-1")
        int hotMib = -1;

        private TemporaryCache temporary;

        @Setup(Level.Trial)
        public void fill(PeerAnswers answers, ChatAnswers source) throws IOException {
            temporary = new TemporaryCache(
                    source.roomyCapacity(answers.entries()),
                    settings -> hotMib < 0 ? settings : settings.hotBytes((long) hotMib << 20));
            for (int entry = 0; entry < answers.entries(); entry++) {
                temporary
                        .cache()
                        .store(
                                key(answers, entry),
                                ChatAnswers.CONTENT_TYPE,
                                source.answer(entry),
                                CacheControls.MAX_TTL);
            }
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            temporary.close();
        }
    }

    private static CacheKey key(PeerAnswers answers, int entry) {
        return new CacheKey(Endpoint.CHAT, false, answers.key(entry), 0);
    }

    @Benchmark
    public CachedResponse refrain(InRefrain in, PeerAnswers answers, Requests requests, AnswerBuffers buffers) {
        if (!in.temporary.cache().lookup(key(answers, requests.nextEntry()), buffers.response)) {
            throw HitBenchmark.miss();
        }
        return buffers.response;
    }

    /** LZ4 blocks on the heap. */
    @State(Scope.Benchmark)
    public static class InCaffeine {
        private Cache<CacheKey, byte[]> cache;

        @Setup(Level.Trial)
        public void fill(PeerAnswers answers) {
            cache = Caffeine.newBuilder().maximumSize(2L * answers.entries()).build();
            for (int entry = 0; entry < answers.entries(); entry++) {
                cache.put(PeerBenchmark.key(answers, entry), answers.compressed(entry));
            }
        }
    }

    @Benchmark
    public byte[] caffeine(InCaffeine in, PeerAnswers answers, Requests requests, AnswerBuffers buffers) {
        byte[] block = in.cache.getIfPresent(key(answers, requests.nextEntry()));
        answers.decompressor().decompress(block, 0, block.length, buffers.bytes, 0, buffers.bytes.length);
        return answers.patch(buffers.bytes);
    }

    /** Values outside the heap, as LZ4 blocks or plain. */
    @State(Scope.Benchmark)
    public static class InOhc {
        @Param({"lz4", "plain"})
        String form;

        private OHCache<byte[], byte[]> cache;
        private boolean plain;

        @Setup(Level.Trial)
        public void fill(PeerAnswers answers) {
            plain = form.equals("plain");
            cache = OHCacheBuilder.<byte[], byte[]>newBuilder()
                    .keySerializer(new Bytes())
                    .valueSerializer(new Bytes())
                    .capacity(2L * answers.entries() * (answers.plain(0).length + 1024L))
                    .throwOOME(true)
                    .build();
            for (int entry = 0; entry < answers.entries(); entry++) {
                cache.put(answers.key(entry), plain ? answers.plain(entry) : answers.compressed(entry));
            }
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            cache.close();
        }
    }

    private static final class Bytes implements CacheSerializer<byte[]> {
        @Override
        public void serialize(byte[] bytes, ByteBuffer into) {
            into.putInt(bytes.length).put(bytes);
        }

        @Override
        public byte[] deserialize(ByteBuffer from) {
            byte[] bytes = new byte[from.getInt()];
            from.get(bytes);
            return bytes;
        }

        @Override
        public int serializedSize(byte[] bytes) {
            return Integer.BYTES + bytes.length;
        }
    }

    @Benchmark
    public byte[] ohc(InOhc in, PeerAnswers answers, Requests requests, AnswerBuffers buffers) throws IOException {
        try (DirectValueAccess value = in.cache.getDirect(answers.key(requests.nextEntry()))) {
            ByteBuffer bytes = value.buffer();
            deliver(
                    bytes,
                    bytes.position() + Integer.BYTES,
                    bytes.getInt(bytes.position()),
                    in.plain,
                    answers,
                    buffers);
        }
        return answers.patch(buffers.bytes);
    }

    private static void deliver(
            ByteBuffer from, int at, int length, boolean plain, PeerAnswers answers, AnswerBuffers buffers) {
        if (plain) {
            from.get(at, buffers.bytes, 0, length);
        } else {
            answers.decompressor().decompress(from, at, length, buffers.buffer, 0, buffers.bytes.length);
        }
    }

    /** A B+ tree in a mapped file, values as LZ4 blocks or plain. */
    @State(Scope.Benchmark)
    public static class InLmdb {
        @Param({"lz4", "plain"})
        String form;

        private Path directory;
        private Env<ByteBuffer> env;
        private Dbi<ByteBuffer> table;
        private boolean plain;

        @Setup(Level.Trial)
        public void fill(PeerAnswers answers) throws IOException {
            plain = form.equals("plain");
            directory = Files.createTempDirectory("refrain-jmh-lmdb");
            env = Env.create()
                    .setMapSize(Math.max(1L << 30, 4L * answers.entries() * (answers.plain(0).length + 4096L)))
                    .open(directory.toFile(), EnvFlags.MDB_NOSYNC, EnvFlags.MDB_NORDAHEAD);
            table = env.openDbi((String) null, DbiFlags.MDB_CREATE);
            ByteBuffer key = ByteBuffer.allocateDirect(CacheKey.LENGTH);
            ByteBuffer value = ByteBuffer.allocateDirect(answers.plain(0).length * 2);
            try (Txn<ByteBuffer> txn = env.txnWrite()) {
                for (int entry = 0; entry < answers.entries(); entry++) {
                    table.put(
                            txn,
                            key.clear().put(answers.key(entry)).flip(),
                            value.clear()
                                    .put(plain ? answers.plain(entry) : answers.compressed(entry))
                                    .flip());
                }
                txn.commit();
            }
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            env.close();
            delete(directory);
        }
    }

    /** One thread's transaction, renewed for each read. The environment closes it. */
    @State(Scope.Thread)
    public static class LmdbReader {
        private final ByteBuffer key = ByteBuffer.allocateDirect(CacheKey.LENGTH);
        private Txn<ByteBuffer> txn;

        @Setup(Level.Trial)
        public void begin(InLmdb in) {
            txn = in.env.txnRead();
            txn.reset();
        }
    }

    @Benchmark
    public byte[] lmdb(InLmdb in, LmdbReader reader, PeerAnswers answers, Requests requests, AnswerBuffers buffers) {
        reader.txn.renew();
        try {
            ByteBuffer value = in.table.get(
                    reader.txn,
                    reader.key.clear().put(answers.key(requests.nextEntry())).flip());
            deliver(value, 0, value.remaining(), in.plain, answers, buffers);
        } finally {
            reader.txn.reset();
        }
        return answers.patch(buffers.bytes);
    }

    /**
     * RocksDB with its own LZ4 compression, and its default block cache of 32 MiB or one that holds every block
     * uncompressed.
     */
    @State(Scope.Benchmark)
    public static class InRocksDb {
        @Param({"default", "uncompressed"})
        String blockCache;

        private Path directory;
        private Options options;
        private RocksDB db;

        @Setup(Level.Trial)
        public void fill(PeerAnswers answers) throws IOException, RocksDBException {
            RocksDB.loadLibrary();
            directory = Files.createTempDirectory("refrain-jmh-rocksdb");
            long all = 2L * answers.entries() * (answers.plain(0).length + 1024L);
            options = new Options()
                    .setCreateIfMissing(true)
                    .setCompressionType(CompressionType.LZ4_COMPRESSION)
                    .setTableFormatConfig(new BlockBasedTableConfig()
                            .setFilterPolicy(new BloomFilter(10))
                            .setBlockCache(
                                    new LRUCache(blockCache.equals("default") ? 32L << 20 : Math.max(all, 64L << 20))));
            db = RocksDB.open(options, directory.toString());
            for (int entry = 0; entry < answers.entries(); entry++) {
                db.put(answers.key(entry), answers.plain(entry));
            }
            db.compactRange();
        }

        @TearDown(Level.Trial)
        public void close() throws IOException {
            db.close();
            options.close();
            delete(directory);
        }
    }

    @Benchmark
    public byte[] rocksdb(InRocksDb in, PeerAnswers answers, Requests requests, AnswerBuffers buffers)
            throws RocksDBException {
        if (in.db.get(answers.key(requests.nextEntry()), buffers.bytes) == RocksDB.NOT_FOUND) {
            throw HitBenchmark.miss();
        }
        return answers.patch(buffers.bytes);
    }

    /**
     * A Redis server that this benchmark starts on this machine. Without {@code redis-server} on the path, this peer
     * fails with a message that says so.
     */
    @State(Scope.Benchmark)
    public static class InRedis {
        private static final int PORT = 16_399;

        private Process server;

        @Setup(Level.Trial)
        public void fill(PeerAnswers answers) throws IOException, InterruptedException {
            if (!isInstalled()) {
                throw new IllegalStateException("There is no redis-server on the path: this peer is skipped");
            }
            server = new ProcessBuilder(List.of(
                            "redis-server",
                            "--port",
                            "" + PORT,
                            "--bind",
                            "127.0.0.1",
                            "--save",
                            "",
                            "--appendonly",
                            "no"))
                    .redirectErrorStream(true)
                    .start();
            // Waits for the line that says the server is ready. Later output fits into the pipe's buffer.
            var output = server.inputReader();
            for (String line = output.readLine(); line != null && !line.contains("Ready to accept"); ) {
                line = output.readLine();
            }
            try (Jedis redis = new Jedis("127.0.0.1", PORT)) {
                for (int entry = 0; entry < answers.entries(); entry++) {
                    redis.set(answers.key(entry), answers.plain(entry));
                }
            }
        }

        static boolean isInstalled() {
            return Stream.of(System.getenv("PATH").split(":"))
                    .anyMatch(directory -> Files.isExecutable(Path.of(directory, "redis-server")));
        }

        @TearDown(Level.Trial)
        public void stop() throws InterruptedException {
            server.destroy();
            server.waitFor();
        }
    }

    /** One thread's connection. */
    @State(Scope.Thread)
    public static class RedisConnection {
        private Jedis redis;

        @Setup(Level.Trial)
        public void connect(InRedis in) {
            redis = new Jedis("127.0.0.1", InRedis.PORT);
        }

        @TearDown(Level.Trial)
        public void disconnect() {
            redis.close();
        }
    }

    @Benchmark
    public byte[] redis(InRedis in, RedisConnection connection, PeerAnswers answers, Requests requests) {
        return answers.patch(connection.redis.get(answers.key(requests.nextEntry())));
    }

    static void delete(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
