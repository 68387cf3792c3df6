package dev.refrain.engine.exchange;

import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.internal.ids.IdRandom;
import java.nio.charset.StandardCharsets;

/**
 * Ids of responses, {@code gen-<unix seconds>-<20 of [A-Za-z0-9]>} (wire rule W24): 35 ASCII characters, of which the
 * last 20 cannot be guessed. Thread-safe.
 */
public final class GenerationId {
    /** Length in bytes and in characters; every id is ASCII. */
    public static final int LENGTH = IdFormat.LENGTH;

    private GenerationId() {}

    /**
     * A new id; never null.
     *
     * @param epochSeconds the current time, seconds since the epoch
     */
    public static String mint(long epochSeconds) {
        byte[] id = new byte[LENGTH];
        IdFormat.write(epochSeconds, IdRandom.shared().next(), IdRandom.shared().next(), id);
        return new String(id, StandardCharsets.ISO_8859_1);
    }
}
