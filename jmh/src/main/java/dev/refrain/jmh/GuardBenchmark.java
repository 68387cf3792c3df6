package dev.refrain.jmh;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * What {@link Guard} runs: JMH's iterations belong to the floor and to the whole hit in turn, so that one JVM measures
 * both at the same time.
 */
public class GuardBenchmark extends MeasuredInForks {
    /** Whose turn it is: the floor's in the first iteration, and in every other one after that. */
    @State(Scope.Benchmark)
    public static class Turn {
        private final HitBenchmark benchmark = new HitBenchmark();
        boolean isHit = true;

        @Setup(Level.Iteration)
        public void next() {
            isHit = !isHit;
        }
    }

    /**
     * What the measuring thread leaves on the heap. JMH's profiler counts JMH's own results as well: 1 to 35 bytes for
     * each hit of so short an iteration, the more the times differ.
     */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.EVENTS)
    public static class Garbage {
        static final String BYTES = "bytes";

        private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        private long before;
        /** Bytes of one iteration. */
        public long bytes;

        @Setup(Level.Iteration)
        public void begin() {
            before = threads.getCurrentThreadAllocatedBytes();
        }

        @TearDown(Level.Iteration)
        public void end() {
            bytes = threads.getCurrentThreadAllocatedBytes() - before;
        }
    }

    @Benchmark
    public Object inTurn(
            Turn turn,
            Garbage garbage,
            FilledCache filled,
            CompressedAnswers compressed,
            Requests requests,
            HitBenchmark.Lookups lookups,
            Digests digests,
            AnswerBuffers buffers) {
        if (turn.isHit) {
            return turn.benchmark.find(filled, requests, lookups);
        }
        turn.benchmark.floor(compressed, requests, digests, buffers);
        return null;
    }
}
