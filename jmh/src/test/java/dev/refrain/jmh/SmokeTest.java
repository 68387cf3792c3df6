package dev.refrain.jmh;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Benchmarks that have not been run for a while still run. */
class SmokeTest {
    @Test
    void everyBenchmarkRuns() throws RunnerException {
        Options options = new OptionsBuilder()
                .param("entries", "200")
                .param("answerBytes", "4096")
                .param("hotMib", "-1")
                .param("requestBytes", "1024")
                .param("layout", "compact")
                .param("form", "lz4")
                .param("blockCache", "default")
                .param("policy", "limits")
                // A build without packaging has no proxy to start.
                .exclude("okHttpThroughTheProxy")
                .exclude(PeerBenchmark.InRedis.isInstalled() ? "nothing" : "PeerBenchmark.redis")
                .mode(Mode.AverageTime)
                .forks(0)
                .warmupIterations(0)
                .measurementIterations(1)
                .measurementTime(TimeValue.milliseconds(20))
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT)
                .build();

        Collection<RunResult> results = new Runner(options).run();

        assertThat(results)
                .extracting(result -> result.getParams().getBenchmark().replaceFirst(".*\\.(\\w+\\.\\w+)$", "$1"))
                .filteredOn(name -> !name.equals("PeerBenchmark.redis"))
                .containsExactlyInAnyOrder(
                        "CaffeineBenchmark.hit",
                        "CaffeineBenchmark.yardstick",
                        "ClientGuardBenchmark.inTurn",
                        "ClientHitBenchmark.anthropic",
                        "ClientHitBenchmark.client",
                        "ClientHitBenchmark.engine",
                        "ClientHitBenchmark.jdkHttp",
                        "ClientHitBenchmark.langChain4j",
                        "ClientHitBenchmark.okHttp",
                        "ClientHitBenchmark.okHttpAlone",
                        "ClientHitBenchmark.openAi",
                        "ClientHitBenchmark.openAiSdk",
                        "ClientHitBenchmark.openAiSdkAlone",
                        "FlightBenchmark.join",
                        "GuardBenchmark.inTurn",
                        "HitBenchmark.find",
                        "HitBenchmark.floor",
                        "HitBenchmark.hit",
                        "HitBenchmark.respond",
                        "HitPartsBenchmark.crc32c",
                        "HitPartsBenchmark.decompress",
                        "HitPartsBenchmark.lookup",
                        "HitPartsBenchmark.scan",
                        "HitPartsBenchmark.sha256",
                        "KeyBenchmark.digested",
                        "KeyBenchmark.key",
                        "KeyBenchmark.repeated",
                        "KeyBenchmark.sha256",
                        "PeerBenchmark.caffeine",
                        "PeerBenchmark.lmdb",
                        "PeerBenchmark.ohc",
                        "PeerBenchmark.refrain",
                        "PeerBenchmark.rocksdb",
                        "PolicyBenchmark.decided",
                        "StoreBenchmark.compress",
                        "StoreBenchmark.evict",
                        "StoreBenchmark.replace",
                        "StreamBenchmark.decompress",
                        "StreamBenchmark.refrain",
                        "StreamBenchmark.rocksdb");
    }

    @Test
    void forksGetTheFlagsThatTheBuildGivesToTests() {
        assertThat(MeasuredInForks.class.getAnnotation(Fork.class).jvmArgsPrepend())
                .containsAll(ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .filter(flag -> flag.startsWith("--add-"))
                        .toList());
    }
}
