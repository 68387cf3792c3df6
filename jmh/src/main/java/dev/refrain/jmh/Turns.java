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
 * Lets subjects take turns in one JVM, so that any slowdown of the machine affects all of them. JMH runs each benchmark
 * in a JVM of its own, at another time. On a shared machine the medians of two such forks of one benchmark differ by up
 * to a factor of two.
 */
final class Turns {
    private static final long TURN_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private Turns() {}

    /** Times in nanoseconds; the mean leaves out the slowest twentieth. */
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

    /** One turn of a subject. Supplies its next argument outside the measured time. */
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
