package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import org.junit.jupiter.api.io.TempDir;

class ChronicleStoreTest extends CacheStoreContract {
    @TempDir
    Path directory;

    @Override
    protected CacheStore open() throws IOException {
        return ChronicleStore.open(directory.resolve("answers.refrain"), 64L << 20, Clock.systemUTC());
    }
}
