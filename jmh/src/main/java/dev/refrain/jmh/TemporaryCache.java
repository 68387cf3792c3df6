package dev.refrain.jmh;

import dev.refrain.engine.ResponseCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A cache whose file lives in a directory of its own under {@code java.io.tmpdir} and goes when the cache is closed. */
final class TemporaryCache implements AutoCloseable {
    private final Path directory;
    private final ResponseCache cache;

    TemporaryCache(long capacityBytes) throws IOException {
        directory = Files.createTempDirectory("refrain-jmh");
        cache = ResponseCache.open(directory.resolve("cache"), capacityBytes);
    }

    ResponseCache cache() {
        return cache;
    }

    @Override
    public void close() throws IOException {
        cache.close();
        List<Path> files;
        try (Stream<Path> listed = Files.list(directory)) {
            files = listed.toList();
        }
        for (Path file : files) {
            Files.delete(file);
        }
        Files.delete(directory);
    }
}
