package dev.refrain.jmh;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;
import org.HdrHistogram.Histogram;
import org.openjdk.jmh.annotations.Fork;

/**
 * Subjects that take turns in one JVM, so that whatever slows the machine down slows all of them. JMH gives each
 * benchmark a JVM of its own, some seconds later than the one before, and on a shared machine the medians of two forks
 * of the same benchmark differ by as much as a factor of two.
 */
final class Turns {
    private static final long TURN_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private Turns() {}

    /** Times in nanoseconds; the mean is that of all but the slowest twentieth. */
    record Times(double trimmedMean, double p50, double p99) {
        static Times of(Histogram histogram) {
            long bound = histogram.getValueAtPercentile(95);
            double sum = 0;
            long count = 0;
            for (var value : histogram.recordedValues()) {
                if (value.getValueIteratedTo() <= bound) {
                    sum += (double) value.getValueIteratedTo() * value.getCountAddedInThisIterationStep();
                    count += value.getCountAddedInThisIterationStep();
                }
            }
            return new Times(sum / count, histogram.getValueAtPercentile(50), histogram.getValueAtPercentile(99));
        }
    }

    /** One turn of a subject, which is told what to do next by somebody whose time does not count. */
    static void turn(Histogram histogram, IntSupplier next, IntConsumer subject) {
        long end = System.nanoTime() + TURN_NANOS;
        long stop;
        do {
            int entry = next.getAsInt();
            long start = System.nanoTime();
            subject.accept(entry);
            stop = System.nanoTime();
            histogram.recordValue(stop - start);
        } while (stop < end);
    }

    static int inAJvmWithTheFlagsOfForks(Class<?> program, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(MeasuredInForks.class.getAnnotation(Fork.class).jvmArgsPrepend()));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }
}
