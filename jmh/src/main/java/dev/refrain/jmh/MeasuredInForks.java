package dev.refrain.jmh;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Warmup;

/** The defaults of all benchmarks, which the command line can override. */
@BenchmarkMode({Mode.SampleTime, Mode.AverageTime})
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(
        value = 3,
        jvmArgsPrepend = {
            // The same as chronicle.flags in the parent POM: a fork does not get the flags in the jar's manifest.
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
            // LMDB, one of the peers, creates direct buffers by reflection.
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            // Room on the heap for 100,000 compressed answers of 32 KiB, for Caffeine.
            "-Xms3g",
            "-Xmx3g"
        })
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
abstract class MeasuredInForks {}
