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
 * Fails when a hit has become slower beside its yardstick, or allocates more, than it did when docs/BENCHMARKS.md was written.
 *
 * <p>A time alone says little on a machine that others use as well, so what counts is a ratio: in each round a fork for {@link
 * HitBenchmark#hit} and a fork for {@link CaffeineBenchmark#yardstick} follow one another, and the median of the rounds' ratios
 * must keep the bound. The bytes allocated for a hit hardly depend on the machine and are held tightly.
 */
public final class Guard {
    /**
     * The p50 of a hit over the p50 of the yardstick. Measured: 1.27 to 1.41 in single rounds, 1.29 in the median of five;
     * 1.19 and 1.23 before eviction counted hits. A second SHA-256 of the request, tried, makes it 1.53.
     */
    static final double MAX_RATIO = 1.35;
    /** Bytes on the heap for a hit. The scanned request takes 136, the key 64, the Optional around it 16. */
    static final double MAX_BYTES = 240;

    private static final int ROUNDS = 5;

    private Guard() {}

    /** One round: times in nanoseconds. */
    record Round(double hitP50, double yardstickP50, double hitBytes) {
        double ratio() {
            return hitP50 / yardstickP50;
        }

        @Override
        public String toString() {
            return format(
                    "p50 of a hit %.0f ns, of the yardstick %.0f ns, ratio %.2f; a hit allocates %.0f bytes",
                    hitP50, yardstickP50, ratio(), hitBytes);
        }
    }

    /** Ends the JVM with 1 if a bound is exceeded. */
    public static void main(String[] args) throws RunnerException {
        List<Round> rounds = new ArrayList<>();
        for (int i = 0; i < ROUNDS; i++) {
            RunResult hit = run(HitBenchmark.class, "hit");
            RunResult yardstick = run(CaffeineBenchmark.class, "yardstick");
            Round round = new Round(
                    p50(hit),
                    p50(yardstick),
                    hit.getSecondaryResults().get("gc.alloc.rate.norm").getScore());
            rounds.add(round);
            System.out.println("Round " + (i + 1) + " of " + ROUNDS + ": " + round);
        }
        List<String> failures = judge(rounds);
        failures.forEach(System.err::println);
        System.exit(failures.isEmpty() ? 0 : 1);
    }

    /** What is wrong with these rounds; empty if nothing is. */
    static List<String> judge(List<Round> rounds) {
        double ratio = median(rounds.stream().map(Round::ratio).toList());
        double bytes = median(rounds.stream().map(Round::hitBytes).toList());
        List<String> failures = new ArrayList<>();
        if (!(ratio <= MAX_RATIO)) {
            failures.add(format(
                    "A hit takes %.2f times as long as its yardstick; at most %.2f is allowed", ratio, MAX_RATIO));
        }
        if (!(bytes <= MAX_BYTES)) {
            failures.add(format("A hit allocates %.0f bytes; at most %.0f are allowed", bytes, MAX_BYTES));
        }
        return failures;
    }

    private static RunResult run(Class<?> type, String benchmark) throws RunnerException {
        Options options = new OptionsBuilder()
                .include("^" + type.getName() + "\\." + benchmark + "$")
                .param("answerBytes", "4096")
                .mode(Mode.SampleTime)
                .forks(1)
                .addProfiler(GCProfiler.class)
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT)
                .build();
        return new Runner(options).run().iterator().next();
    }

    private static double p50(RunResult result) {
        return result.getPrimaryResult().getStatistics().getPercentile(50);
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(sorted.size() / 2);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
