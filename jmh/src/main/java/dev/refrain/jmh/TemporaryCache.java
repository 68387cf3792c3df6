package dev.refrain.jmh;

import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.ResponseCacheBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A cache with its files in a directory of their own under {@code java.io.tmpdir}, which is deleted when the cache is
 * closed.
 */
final class TemporaryCache implements AutoCloseable {
    private final Path directory;
    private final List<Path> files;
    private final ResponseCache cache;

    TemporaryCache(long capacityBytes) throws IOException {
        this(capacityBytes, settings -> settings);
    }

    TemporaryCache(long capacityBytes, UnaryOperator<ResponseCacheBuilder> settings) throws IOException {
        directory = Files.createTempDirectory("refrain-jmh");
        files = List.of(
                directory.resolve("cache"),
                directory.resolve("cache.lock"),
                directory.resolve("cache.secret"),
                directory.resolve("cache.sealed"));
        // Needed if the set-up fails, which JMH does not follow by a tear-down. Files are deleted in reverse order, the
        // directory last.
        directory.toFile().deleteOnExit();
        files.forEach(file -> file.toFile().deleteOnExit());
        cache = settings.apply(ResponseCache.builder(files.get(0)).capacityBytes(capacityBytes))
                .open();
    }

    ResponseCache cache() {
        return cache;
    }

    @Override
    public void close() throws IOException {
        cache.close();
        for (Path file : files) {
            Files.deleteIfExists(file);
        }
        Files.delete(directory);
    }
}
