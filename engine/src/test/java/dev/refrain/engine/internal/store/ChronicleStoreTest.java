package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.spi.CacheStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChronicleStoreTest extends CacheStoreContract {
    @TempDir
    Path directory;

    @Override
    protected CacheStore open() throws IOException {
        return ChronicleStore.open(directory.resolve("answers.refrain"), 64L << 20, Clock.systemUTC());
    }

    @Test
    void aVisitThatMissesASegmentIsNotAWholeOne() {
        for (int i = 0; i < 20; i++) {
            assertThat(store.put(key(i), entry(i, 0, 200))).isTrue();
        }
        int[] calls = new int[1];
        assertThat(store.visit((key, head, length) -> {
                    if (++calls[0] == 1) {
                        throw new InternalError("as of a page of the file that cannot be read");
                    }
                    return true;
                }))
                .isFalse();
        assertThat(calls[0]).as("the other segments are shown").isGreaterThan(1);
        assertThat(store.stats().failures()).isEqualTo(1);
        store.close();
        assertThat(store.visit((key, head, length) -> true)).isFalse();
    }
}
