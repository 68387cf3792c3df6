package dev.refrain.jmh;

import dev.refrain.jmh.Turns.Times;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Fails if a hit exceeds the bounds of docs/PERFORMANCE.md: the time of a whole hit relative to its floor, the time of
 * a hit inside a program relative to the engine's, and the garbage of each.
 *
 * <p>An absolute time says little on a shared machine, so the bounds are ratios. Short iterations measure the floor and
 * the hit in turn ({@link GuardBenchmark}, {@link ClientGuardBenchmark}), so that any slowdown of the machine affects
 * both. The first floor uses no code of the engine, so it does not become slower with the engine. A round that fails
 * may have been disturbed, so it is repeated in a new JVM, twice at most.
 */
public final class Guard {
    /**
     * The bounds of a kind of hit.
     *
     * @param maxRatio the greatest ratio of a hit's mean time to its floor's, each without its slowest twentieth
     * @param maxBytes the most bytes that a hit may allocate on the heap
     */
    record Bound(String title, Class<?> benchmark, String entries, double maxRatio, double maxBytes) {}

    static final Bound HIT = new Bound(
            "A hit of 4 KiB beside SHA-256 of the request and LZ4 of the answer",
            GuardBenchmark.class,
            "100000",
            1.30,
            2);

    /**
     * The answer's body belongs to the program, and is most of the garbage here. The goal is a ratio of 1.5; the bound
     * is the ratio that has been reached, with room for noise.
     */
    static final Bound CLIENT = new Bound(
            "A hit of 4 KiB inside a program beside the engine's", ClientGuardBenchmark.class, "10000", 1.85, 5500);

    private static final int ROUNDS = 3;
    private static final String ANSWER_BYTES = "4096";
    private static final TimeValue TURN = TimeValue.milliseconds(200);
    /**
     * Measured turns, those of the hit and of the floor together. {@link #WARM_UP_TURNS} is even, so that the first
     * measured turn is the floor's.
     */
    private static final int TURNS = 100;
    /** Enough turns to compile everything, and to fill the copies in memory with the most frequent answers. */
    private static final int WARM_UP_TURNS = 80;

    private Guard() {}

    /** The result of one round. */
    record Round(Bound bound, Times hit, Times floor, double hitBytes) {
        double ratio() {
            return hit.trimmedMean() / floor.trimmedMean();
        }

        boolean isGood() {
            // Written so that NaN fails.
            return ratio() <= bound.maxRatio() && hitBytes <= bound.maxBytes();
        }

        /** A row of the table. */
        String row(int number) {
            return String.format(
                    Locale.ROOT,
                    "| %d | %.0f / %.0f / %.0f | %.0f / %.0f / %.0f | %.2f | %.2f | %.2f | %.1f | %s |",
                    number,
                    hit.trimmedMean(),
                    hit.p50(),
                    hit.p99(),
                    floor.trimmedMean(),
                    floor.p50(),
                    floor.p99(),
                    ratio(),
                    hit.p50() / floor.p50(),
                    hit.p99() / floor.p99(),
                    hitBytes,
                    isGood() ? "yes" : "no");
        }
    }

    /** Exits with 1 if every round exceeds a bound. */
    public static void main(String[] args) throws RunnerException {
        boolean isGood = true;
        for (Bound bound : List.of(HIT, CLIENT)) {
            isGood &= keeps(bound);
        }
        System.exit(isGood ? 0 : 1);
    }

    private static boolean keeps(Bound bound) throws RunnerException {
        System.out.printf(
                Locale.ROOT,
                "%s: at most %.2f times as long, and %.0f bytes of garbage.%n",
                bound.title(),
                bound.maxRatio(),
                bound.maxBytes());
        System.out.println(
                "| round | hit ns, mean / p50 / p99 | floor ns, mean / p50 / p99 | mean / mean | p50 / p50 | p99 / p99"
                        + " | garbage B | within |");
        System.out.println("|---|---|---|---|---|---|---|---|");
        List<Round> rounds = new ArrayList<>();
        while (rounds.size() < ROUNDS && !isGood(rounds)) {
            rounds.add(round(bound));
            System.out.println(rounds.get(rounds.size() - 1).row(rounds.size()));
        }
        return isGood(rounds);
    }

    /** Whether one of these rounds kept the bounds. */
    static boolean isGood(List<Round> rounds) {
        return rounds.stream().anyMatch(Round::isGood);
    }

    private static Round round(Bound bound) throws RunnerException {
        var options = new OptionsBuilder()
                .include(bound.benchmark().getName().replace(".", "\\.") + "\\.inTurn")
                .param("entries", bound.entries())
                .param("answerBytes", ANSWER_BYTES)
                .param("hotMib", "-1")
                .mode(Mode.SampleTime)
                .forks(1)
                .warmupIterations(WARM_UP_TURNS)
                .warmupTime(TURN)
                .measurementIterations(TURNS)
                .measurementTime(TURN)
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT)
                .build();
        Subject floor = new Subject();
        Subject hit = new Subject();
        boolean isHit = false;
        for (var benchmark : new Runner(options).run().iterator().next().getBenchmarkResults()) {
            for (IterationResult turn : benchmark.getIterationResults()) {
                (isHit ? hit : floor).add(turn);
                isHit = !isHit;
            }
        }
        return new Round(bound, Times.of(hit.nanos), Times.of(floor.nanos), hit.bytes / hit.operations);
    }

    /** All turns of a hit, or of its floor. */
    private static final class Subject {
        private final Histogram nanos = new Histogram(3);
        private double bytes;
        private long operations;

        void add(IterationResult turn) {
            Iterator<Map.Entry<Double, Long>> times =
                    turn.getPrimaryResult().getStatistics().getRawData();
            while (times.hasNext()) {
                Map.Entry<Double, Long> time = times.next();
                nanos.recordValueWithCount(time.getKey().longValue(), time.getValue());
            }
            Result<?> garbage = turn.getSecondaryResults().get(GuardBenchmark.Garbage.BYTES);
            bytes += garbage.getScore();
            operations += turn.getMetadata().getMeasuredOps();
        }
    }
}
