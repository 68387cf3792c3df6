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
 * Fails when a whole hit has become slower beside its floor, or a hit inside a program beside the engine's, or
 * allocates more, than docs/PERFORMANCE.md allows.
 *
 * <p>A time alone says little on a machine that others use as well, so what counts is a ratio: short iterations belong
 * to the floor and to the hit in turn ({@link GuardBenchmark}, {@link ClientGuardBenchmark}), so that whatever slows
 * the machine down slows both. Nothing of the first floor is the engine's: it stays what it is when the engine becomes
 * slower. A round that fails may have been disturbed, so it is run again in a new JVM, twice at most.
 */
public final class Guard {
    /**
     * A hit, and what it is measured against.
     *
     * @param maxRatio the mean of a hit over the mean of its floor, the slowest twentieth of both left out
     * @param maxBytes on the heap for a hit
     */
    record Bound(String title, Class<?> benchmark, String entries, double maxRatio, double maxBytes) {}

    static final Bound HIT = new Bound(
            "A hit of 4 KiB beside SHA-256 of the request and LZ4 of the answer",
            GuardBenchmark.class,
            "100000",
            1.30,
            2);

    /**
     * The program keeps the answer's body, which is most of the garbage here. The goal is 1.5; the bound is what
     * has been reached, with room for noise.
     */
    static final Bound CLIENT = new Bound(
            "A hit of 4 KiB inside a program beside the engine's", ClientGuardBenchmark.class, "10000", 1.85, 5500);

    private static final int ROUNDS = 3;
    private static final String ANSWER_BYTES = "4096";
    private static final TimeValue TURN = TimeValue.milliseconds(200);
    /** Turns of both; an even number, so that the first one that counts is the floor's. */
    private static final int TURNS = 100;
    /** Until everything is compiled and the copies are those of what is asked for most. */
    private static final int WARM_UP_TURNS = 80;

    private Guard() {}

    /** One round. */
    record Round(Bound bound, Times hit, Times floor, double hitBytes) {
        double ratio() {
            return hit.trimmedMean() / floor.trimmedMean();
        }

        boolean isGood() {
            // Written so that what is no number fails.
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

    /** Ends the JVM with 1 if a bound is exceeded in every round. */
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
