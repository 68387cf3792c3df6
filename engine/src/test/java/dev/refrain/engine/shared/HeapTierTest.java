package dev.refrain.engine.shared;

import dev.refrain.engine.spi.SharedTier;
import java.util.concurrent.TimeUnit;

class HeapTierTest extends SharedTierContract {
    private final HeapTier.Engine engine = new HeapTier.Engine(
            () -> TimeUnit.MILLISECONDS.toMicros(System.currentTimeMillis()), MAX_ENTRY_BYTES, MAX_BARRIERS);

    @Override
    protected SharedTier machine() {
        return engine.machine();
    }

    @Override
    protected void flush() {
        engine.flush();
    }
}
