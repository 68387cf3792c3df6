package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.testing.ChildJvm;
import java.nio.file.Path;
import java.time.Clock;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The state of a store after its JVM has ended. */
class ExitTest {
    @TempDir
    Path directory;

    /** A JVM that exits closes its store; a killed one does not. */
    @ParameterizedTest
    @CsvSource({"close,0", "exit,0", "halt,1"})
    void theStoreIsClosedWhenTheJvmExits(String end, int opensLeft) throws Exception {
        Path file = directory.resolve("answers.refrain");
        assertThat(ChildJvm.run(ChildJvm.builder(StoreOpener.class, file, end)).exit())
                .isZero();
        try (LockFile lock = LockFile.open(directory.resolve("answers.refrain.lock"))) {
            assertThat(lock.read().opens()).isEqualTo(opensLeft);
        }
        try (ChronicleStore store = ChronicleStore.open(file, 16L << 20, Clock.systemUTC())) {
            assertThat(store.get(TestEntries.key(1), new EntryBuffer(16))).isTrue();
            assertThat(store.stats().entries())
                    .isEqualTo(opensLeft == 0 ? 1 : store.stats().entries());
        }
    }
}
