package dev.refrain.okhttp;

import dev.refrain.engine.ResponseCache;
import java.io.IOException;
import java.io.UncheckedIOException;
import okhttp3.MediaType;

/** Constants and helpers of this package's tests. */
final class Caches {
    static final MediaType JSON = MediaType.get("application/json");

    private Caches() {}

    static ResponseCache onHeap() {
        try {
            return ResponseCache.onHeap(64L << 20).open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
