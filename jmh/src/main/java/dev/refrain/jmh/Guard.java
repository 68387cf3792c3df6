package dev.refrain.jmh;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * Fails when a whole hit has become slower beside its floor, or allocates more, than docs/BENCHMARKS.md allows.
 *
 * <p>A time alone says little on a machine that others use as well, so what counts is a ratio: a fork for {@link HitBenchmark#find} and
 * a fork for {@link HitBenchmark#floor} follow one another. A round that fails may have been disturbed, so it is run again, twice at
 * most. Nothing of the floor is the engine's: it stays what it is when the engine becomes slower.
 */
public final class Guard {
    /** The p50 of a hit over the p50 of its floor. */
    static final double MAX_RATIO = 1.35;
    /** Bytes on the heap for a hit; what JMH itself allocates meanwhile counts in. */
    static final double MAX_BYTES = 2;

    private static final int ROUNDS = 3;

    private Guard() {}

    /** One round: times in nanoseconds. */
    record Round(double hitP50, double hitP99, double floorP50, double hitBytes) {
        double ratio() {
            return hitP50 / floorP50;
        }

        boolean isGood() {
            // Written so that what is no number fails.
            return ratio() <= MAX_RATIO && hitBytes <= MAX_BYTES;
        }

        /** A row of the table. */
        String row(int number) {
            return String.format(
                    Locale.ROOT,
                    "| %d | %.0f | %.0f | %.0f | %.2f | %.2f | %.1f | %s |",
                    number,
                    hitP50,
                    hitP99,
                    floorP50,
                    ratio(),
                    hitP99 / hitP50,
                    hitBytes,
                    isGood() ? "yes" : "no");
        }
    }

    /** Ends the JVM with 1 if a bound is exceeded in every round. */
    public static void main(String[] args) throws RunnerException {
        System.out.printf(
                Locale.ROOT,
                "A hit of 4 KiB may take %.2f times as long as its floor, and leave %.0f bytes of garbage.%n",
                MAX_RATIO,
                MAX_BYTES);
        System.out.println(
                "| round | hit p50 ns | hit p99 ns | floor p50 ns | hit / floor | p99 / p50 | garbage B | within |");
        System.out.println("|---|---|---|---|---|---|---|---|");
        List<Round> rounds = new ArrayList<>();
        while (rounds.size() < ROUNDS && !isGood(rounds)) {
            RunResult floor = run("floor");
            RunResult hit = run("find");
            Round round = new Round(
                    percentile(hit, 50),
                    percentile(hit, 99),
                    percentile(floor, 50),
                    hit.getSecondaryResults().get("gc.alloc.rate.norm").getScore());
            rounds.add(round);
            System.out.println(round.row(rounds.size()));
        }
        System.exit(isGood(rounds) ? 0 : 1);
    }

    /** Whether one of these rounds kept the bounds. */
    static boolean isGood(List<Round> rounds) {
        return rounds.stream().anyMatch(Round::isGood);
    }

    private static RunResult run(String benchmark) throws RunnerException {
        Options options = new OptionsBuilder()
                .include("^" + HitBenchmark.class.getName() + "\\." + benchmark + "$")
                .param("answerBytes", "4096")
                .mode(Mode.SampleTime)
                .forks(1)
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT)
                .build();
        return new Runner(options).run().iterator().next();
    }

    private static double percentile(RunResult result, double percent) {
        return result.getPrimaryResult().getStatistics().getPercentile(percent);
    }
}
