package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.ChildJvm;
import dev.refrain.engine.Endpoint;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * An unclean shutdown is noticed, and how long recovering takes: {@code -Drefrain.recovery.mib=10240} measures a store of 10 GiB.
 */
class RecoveryTest {
    private static final int MEBIBYTES = Integer.getInteger("refrain.recovery.mib", 32);
    private static final int ENTRY_LENGTH = 4_000;

    @TempDir
    Path directory;

    /** Fills nine tenths of a store, {@code file capacityBytes}, and ends without closing it. */
    static final class Filler {
        public static void main(String[] args) throws IOException {
            long capacity = Long.parseLong(args[1]);
            ChronicleStore store = ChronicleStore.open(Path.of(args[0]), capacity, Clock.systemUTC());
            EntryBuffer entry = TestEntries.entry(1, 1, ENTRY_LENGTH);
            SplittableRandom random = new SplittableRandom(1);
            byte[] digest = new byte[CacheKey.LENGTH];
            for (long i = 0; i < capacity / 10 * 9 / ENTRY_LENGTH; i++) {
                random.nextBytes(digest);
                store.put(new CacheKey(Endpoint.CHAT, false, digest, 0), entry);
            }
            Runtime.getRuntime().halt(0);
        }
    }

    @Test
    void aStoreThatWasNotClosedIsRecovered() throws Exception {
        Path file = directory.resolve("answers");
        long capacity = (long) MEBIBYTES << 20;
        assertThat(ChildJvm.run(ChildJvm.builder(Filler.class, file, capacity)).exit())
                .isZero();
        for (boolean isUnclean : new boolean[] {true, false}) {
            try (CapturedLog log = new CapturedLog()) {
                long start = System.nanoTime();
                try (ChronicleStore store = ChronicleStore.open(file, capacity, Clock.systemUTC())) {
                    System.out.println(
                            "Opened " + MEBIBYTES + " MiB with " + store.stats().entries() + " entries, "
                                    + (isUnclean ? "recovering" : "closed cleanly") + ": "
                                    + (System.nanoTime() - start) / 1_000_000 + " ms");
                    assertThat(store.stats().entries()).isPositive();
                }
                assertThat(log.lines().stream().anyMatch(line -> line.contains("was not closed cleanly: recovered in")))
                        .isEqualTo(isUnclean);
            }
        }
    }
}
