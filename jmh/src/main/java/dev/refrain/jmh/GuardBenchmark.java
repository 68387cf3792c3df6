package dev.refrain.jmh;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What {@link Guard} runs: JMH's iterations belong to the floor and to the whole hit in turn, so that one JVM measures both at the same time. */
public class GuardBenchmark extends MeasuredInForks {
    /** Whose turn it is: the floor's in the first iteration, and in every other one after that. */
    @State(Scope.Benchmark)
    public static class Turn {
        private final HitBenchmark benchmark = new HitBenchmark();
        private boolean isHit = true;

        @Setup(Level.Iteration)
        public void next() {
            isHit = !isHit;
        }
    }

    @Benchmark
    public Object inTurn(
            Turn turn,
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
