package dev.refrain.jmh;

import java.io.IOException;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * The benchmark that {@link Guard} runs for hits inside a program. JMH's iterations measure in turn the engine's hit,
 * and the cache's part of the same hit through a client library.
 */
public class ClientGuardBenchmark extends MeasuredInForks {
    private static final ClientHitBenchmark BENCHMARK = new ClientHitBenchmark();

    @Benchmark
    public Object inTurn(
            GuardBenchmark.Turn turn, GuardBenchmark.Garbage garbage, CachedClients clients, Requests requests)
            throws IOException {
        return turn.isHit ? BENCHMARK.client(clients, requests) : BENCHMARK.engine(clients, requests);
    }
}
