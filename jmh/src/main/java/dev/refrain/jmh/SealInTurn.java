package dev.refrain.jmh;

import dev.refrain.jmh.Turns.Times;
import java.io.IOException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntConsumer;
import org.HdrHistogram.Histogram;

/**
 * Measures what sealing costs a hit from the file. A store that seals, one that does not, and the floor of a hit take
 * turns in one JVM, without copies of answers in memory. Prints a line of CSV for each: subject, length of the answers,
 * trimmed mean, p50 and p99 in nanoseconds, mean divided by the unsealed store's, mean divided by the floor's, date,
 * JDK.
 */
public final class SealInTurn {
    private static final int WARM_UP_TURNS = 100;
    private static final int TURNS = 200;
    private static final String OPEN = "open";
    private static final String FLOOR = "floor";

    private SealInTurn() {}

    /**
     * Measures all subjects.
     *
     * @param args length of answers, 4096 unless given; number of entries, 100,000 unless given
     */
    public static void main(String[] args) throws Exception {
        if (args.length < 3) {
            String bytes = args.length > 0 ? args[0] : "4096";
            String entries = args.length > 1 ? args[1] : "100000";
            System.exit(Turns.inAJvmWithTheFlagsOfForks(SealInTurn.class, bytes, entries, "in this JVM"));
        }
        measure(Integer.parseInt(args[0]), Integer.parseInt(args[1]));
    }

    private static void measure(int answerBytes, int entries) throws IOException {
        Popularity popularity = new Popularity(entries);
        ChatAnswers answers = new ChatAnswers(answerBytes);
        CompressedAnswers compressed = new CompressedAnswers();
        compressed.compress(popularity, answers);
        Requests requests = new Requests(popularity);
        HitBenchmark benchmark = new HitBenchmark();
        FilledCache open = filled(false, popularity, answers);
        FilledCache sealed = filled(true, popularity, answers);
        Map<String, IntConsumer> subjects = new LinkedHashMap<>();
        subjects.put(OPEN, hits(benchmark, open, requests));
        subjects.put("sealed", hits(benchmark, sealed, requests));
        Digests digests = new Digests();
        AnswerBuffers buffers = new AnswerBuffers();
        subjects.put(FLOOR, entry -> benchmark.floor(compressed, requests, digests, buffers));

        Map<String, Histogram> times = new LinkedHashMap<>();
        subjects.keySet().forEach(subject -> times.put(subject, new Histogram(3)));
        for (int turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
            if (turn == WARM_UP_TURNS) {
                times.values().forEach(Histogram::reset);
            }
            // Each subject takes the next request itself, which costs all of them the same.
            subjects.forEach((subject, run) -> Turns.turn(times.get(subject), () -> 0, run));
        }
        print(times, answerBytes);
        open.close();
        sealed.close();
    }

    private static FilledCache filled(boolean seal, Popularity popularity, ChatAnswers answers) throws IOException {
        FilledCache filled = new FilledCache(seal);
        filled.fill(popularity, answers);
        return filled;
    }

    private static IntConsumer hits(HitBenchmark benchmark, FilledCache filled, Requests requests) {
        HitBenchmark.Lookups lookups = new HitBenchmark.Lookups();
        return entry -> benchmark.find(filled, requests, lookups);
    }

    private static void print(Map<String, Histogram> times, int answerBytes) {
        double open = Times.of(times.get(OPEN)).trimmedMean();
        double floor = Times.of(times.get(FLOOR)).trimmedMean();
        times.forEach((subject, histogram) -> {
            Times of = Times.of(histogram);
            System.out.printf(
                    Locale.ROOT,
                    "%s,%d,%.0f,%.0f,%.0f,%.3f,%.3f,%s,%s%n",
                    subject,
                    answerBytes,
                    of.trimmedMean(),
                    of.p50(),
                    of.p99(),
                    of.trimmedMean() / open,
                    of.trimmedMean() / floor,
                    LocalDate.now(ZoneOffset.UTC),
                    Runtime.version());
        });
    }
}
