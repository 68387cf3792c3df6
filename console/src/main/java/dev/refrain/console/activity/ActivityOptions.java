package dev.refrain.console.activity;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Options of an {@link ActivityLog}. Immutable; nothing is null.
 *
 * @param file that holds the log; never null
 * @param isNamed whether only this file will do; if not, a second process uses another file beside it
 * @param maxBytes on disk; 0 for no log
 * @param maxAge after which the log drops a request
 * @param currency of the prices, three capital letters
 * @param prices of models, each model once
 */
public record ActivityOptions(
        Path file, boolean isNamed, long maxBytes, Duration maxAge, String currency, List<ModelPrice> prices) {
    /** A log with no prices. */
    public static ActivityOptions of(Path file, long maxBytes, Duration maxAge) {
        return new ActivityOptions(file, false, maxBytes, maxAge, "USD", List.of());
    }

    /** The same options, but only this file will do. */
    public ActivityOptions named() {
        return new ActivityOptions(file, true, maxBytes, maxAge, currency, prices);
    }
}
