package dev.refrain.jmh;

import dev.refrain.jmh.Turns.Times;
import java.io.IOException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.IntConsumer;
import org.HdrHistogram.Histogram;

/**
 * {@link PeerBenchmark} with all peers in one JVM and in turn, so that ratios between them are valid. Prints a line of
 * CSV for each: peer, length of the answers, p50, p90, p99, Refrain's p50 divided by the peer's, date, JDK.
 */
public final class PeersInTurn {
    private static final int WARM_UP_TURNS = 60;
    private static final int TURNS = 80;

    private final PeerBenchmark benchmark = new PeerBenchmark();
    private final PeerAnswers answers = new PeerAnswers();
    private final ChatAnswers source;
    private final Requests requests;
    private final AnswerBuffers buffers = new AnswerBuffers();
    private final EmptyCache keys = new EmptyCache();
    private final Map<String, IntConsumer> peers = new LinkedHashMap<>();
    private final List<Callable<Void>> closing = new ArrayList<>();

    private PeersInTurn(int answerBytes, int entries) throws IOException {
        Popularity popularity = new Popularity(entries);
        source = new ChatAnswers(answerBytes);
        requests = new Requests(popularity);
        keys.open();
        answers.deriveKeys(popularity, source, keys);
    }

    /**
     * Measures all peers.
     *
     * @param args length of answers; number of entries, 100,000 unless given
     */
    public static void main(String[] args) throws Exception {
        if (args.length < 3) {
            String entries = args.length > 1 ? args[1] : "100000";
            System.exit(Turns.inAJvmWithTheFlagsOfForks(PeersInTurn.class, args[0], entries, "in this JVM"));
        }
        PeersInTurn run = new PeersInTurn(Integer.parseInt(args[0]), Integer.parseInt(args[1]));
        run.fill();
        Map<String, Histogram> times = run.measure();
        double refrain = Times.of(times.get("Refrain")).p50();
        times.forEach((peer, histogram) -> {
            Times of = Times.of(histogram);
            System.out.printf(
                    Locale.ROOT,
                    "%s,%s,%.0f,%d,%.0f,%.3f,%s,%s%n",
                    peer,
                    args[0],
                    of.p50(),
                    histogram.getValueAtPercentile(90),
                    of.p99(),
                    refrain / of.p50(),
                    LocalDate.now(ZoneOffset.UTC),
                    Runtime.version());
        });
        for (Callable<Void> close : run.closing) {
            close.call();
        }
    }

    private void fill() throws Exception {
        var refrain = new PeerBenchmark.InRefrain();
        refrain.fill(answers, source);
        add("Refrain", () -> benchmark.refrain(refrain, answers, requests, buffers), refrain::close);

        var caffeine = new PeerBenchmark.InCaffeine();
        caffeine.fill(answers);
        add("Caffeine LZ4", () -> benchmark.caffeine(caffeine, answers, requests, buffers), () -> {});

        for (String form : List.of("lz4", "plain")) {
            String name = form.equals("lz4") ? "LZ4" : form;
            var ohc = new PeerBenchmark.InOhc();
            ohc.form = form;
            ohc.fill(answers);
            add("OHC " + name, () -> benchmark.ohc(ohc, answers, requests, buffers), ohc::close);

            var lmdb = new PeerBenchmark.InLmdb();
            lmdb.form = form;
            lmdb.fill(answers);
            var reader = new PeerBenchmark.LmdbReader();
            reader.begin(lmdb);
            add("LMDB " + name, () -> benchmark.lmdb(lmdb, reader, answers, requests, buffers), lmdb::close);
        }

        for (String blocks : List.of("default", "uncompressed")) {
            var rocksdb = new PeerBenchmark.InRocksDb();
            rocksdb.blockCache = blocks;
            rocksdb.fill(answers);
            add(
                    blocks.equals("default") ? "RocksDB" : "RocksDB plain blocks",
                    () -> benchmark.rocksdb(rocksdb, answers, requests, buffers),
                    rocksdb::close);
        }

        if (PeerBenchmark.InRedis.isInstalled()) {
            var redis = new PeerBenchmark.InRedis();
            redis.fill(answers);
            var connection = new PeerBenchmark.RedisConnection();
            connection.connect(redis);
            add("Redis", () -> benchmark.redis(redis, connection, answers, requests), () -> {
                connection.disconnect();
                redis.stop();
            });
        }
    }

    private interface Step {
        void run() throws Exception;
    }

    private void add(String name, Callable<Object> subject, Step close) {
        peers.put(name, entry -> {
            try {
                subject.call();
            } catch (Exception e) {
                throw new IllegalStateException(name, e);
            }
        });
        closing.add(() -> {
            close.run();
            return null;
        });
    }

    private Map<String, Histogram> measure() {
        Map<String, Histogram> times = new LinkedHashMap<>();
        peers.keySet().forEach(peer -> times.put(peer, new Histogram(3)));
        for (int turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
            if (turn == WARM_UP_TURNS) {
                times.values().forEach(Histogram::reset);
            }
            // Each peer takes the next request itself, which costs all of them the same.
            peers.forEach((peer, subject) -> Turns.turn(times.get(peer), () -> 0, subject));
        }
        return times;
    }
}
