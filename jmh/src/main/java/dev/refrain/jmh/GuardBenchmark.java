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
 * The benchmark that {@link Guard} runs for the engine. JMH's iterations measure in turn a whole hit and its floor
 * ({@link HitBenchmark#floor}, digest and decompression alone), so that one JVM measures both under equal conditions.
 */
public class GuardBenchmark extends MeasuredInForks {
    /** Whose turn it is: the floor's in the first iteration, then alternating. */
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
     * Bytes that the measuring thread allocates. JMH's profiler would include JMH's own results: in such short
     * iterations 1 to 35 bytes a hit, more if the times vary more.
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
