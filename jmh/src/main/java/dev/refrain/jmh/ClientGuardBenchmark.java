package dev.refrain.jmh;

import java.io.IOException;
import org.openjdk.jmh.annotations.Benchmark;

/**
 * What {@link Guard} runs for hits inside a program: JMH's iterations belong to the engine's hit, and to the cache's
 * part of the same hit through a client library, in turn.
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
