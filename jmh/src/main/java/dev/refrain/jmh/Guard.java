package dev.refrain.jmh;

import com.sun.management.ThreadMXBean;
import dev.refrain.engine.Endpoint;
import dev.refrain.engine.Lookup;
import dev.refrain.jmh.Turns.Times;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;
import org.HdrHistogram.Histogram;

/**
 * Fails when a whole hit has become slower beside its floor, or allocates more, than docs/BENCHMARKS.md allows.
 *
 * <p>A time alone says little on a machine that others use as well, so what counts is a ratio: a whole hit ({@link HitBenchmark#find})
 * and its floor ({@link HitBenchmark#floor}) take turns of some milliseconds in one JVM, so that whatever slows the machine down
 * slows both. JMH cannot do that: it gives each benchmark a JVM of its own, whose ratio varies several times as much from run to run.
 * Nothing of the floor is the engine's: it stays what it is when the engine becomes slower. A round that fails may have been disturbed,
 * so it is run again, twice at most.
 */
public final class Guard {
    /** The mean of a hit over the mean of its floor, the slowest twentieth of both left out. */
    static final double MAX_RATIO = 1.22;
    /** Bytes on the heap for a hit. */
    static final double MAX_BYTES = 2;

    private static final int ROUNDS = 3;
    private static final int ENTRIES = 100_000;
    private static final int ANSWER_BYTES = 4096;
    private static final int TURNS = 200;
    /** Until everything is compiled and the copies are those of what is asked for most. */
    private static final int WARM_UP_TURNS = 160;

    private Guard() {}

    /** One round. */
    record Round(Times hit, Times floor, double hitBytes) {
        double ratio() {
            return hit.trimmedMean() / floor.trimmedMean();
        }

        boolean isGood() {
            // Written so that what is no number fails.
            return ratio() <= MAX_RATIO && hitBytes <= MAX_BYTES;
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
    public static void main(String[] args) throws IOException, InterruptedException {
        if (args.length == 0) {
            System.exit(Turns.inAJvmWithTheFlagsOfForks(Guard.class, "in this JVM"));
        }
        System.out.printf(
                Locale.ROOT,
                "A hit of 4 KiB may take %.2f times as long as its floor, and leave %.0f bytes of garbage.%n",
                MAX_RATIO,
                MAX_BYTES);
        System.out.println(
                "| round | hit ns, mean / p50 / p99 | floor ns, mean / p50 / p99 | mean / mean | p50 / p50 | p99 / p99"
                        + " | garbage B | within |");
        System.out.println("|---|---|---|---|---|---|---|---|");
        List<Round> rounds = new ArrayList<>();
        try (Subjects subjects = new Subjects()) {
            subjects.round(WARM_UP_TURNS);
            while (rounds.size() < ROUNDS && !isGood(rounds)) {
                rounds.add(subjects.round(TURNS));
                System.out.println(rounds.get(rounds.size() - 1).row(rounds.size()));
            }
        }
        System.exit(isGood(rounds) ? 0 : 1);
    }

    /** Whether one of these rounds kept the bounds. */
    static boolean isGood(List<Round> rounds) {
        return rounds.stream().anyMatch(Round::isGood);
    }

    /** What is measured. */
    private static final class Subjects implements AutoCloseable {
        private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        private final Popularity popularity = new Popularity(ENTRIES);
        private final Requests requests = new Requests(popularity);
        private final FilledCache filled = new FilledCache();
        private final CompressedAnswers compressed = new CompressedAnswers();
        private final Digests digests = new Digests();
        private final AnswerBuffers buffers = new AnswerBuffers();
        private final Lookup lookup;

        Subjects() throws IOException {
            ChatAnswers answers = new ChatAnswers(ANSWER_BYTES);
            filled.fill(popularity, answers);
            compressed.compress(popularity, answers);
            lookup = filled.cache().newLookup();
        }

        Round round(int turns) {
            Histogram hits = new Histogram(3);
            Histogram floors = new Histogram(3);
            long bytes = 0;
            for (int turn = 0; turn < turns; turn++) {
                turn(floors, this::floor);
                // The histogram is warm by then and allocates nothing.
                long before = threads.getCurrentThreadAllocatedBytes();
                turn(hits, this::hit);
                bytes += threads.getCurrentThreadAllocatedBytes() - before;
            }
            return new Round(Times.of(hits), Times.of(floors), (double) bytes / hits.getTotalCount());
        }

        private void turn(Histogram histogram, IntConsumer subject) {
            Turns.turn(
                    histogram,
                    () -> {
                        int entry = requests.nextEntry();
                        requests.to(entry);
                        return entry;
                    },
                    subject);
        }

        private void hit(int entry) {
            byte[] body = requests.body();
            if (lookup.find(Endpoint.CHAT, Requests.API_KEY, body, 0, body.length) == null) {
                throw HitBenchmark.miss();
            }
        }

        private void floor(int entry) {
            digests.sha256(requests.body());
            compressed.decompress(compressed.block(entry), buffers.bytes);
        }

        @Override
        public void close() throws IOException {
            filled.close();
        }
    }
}
