package dev.refrain.http.config;

/**
 * The memory of earlier requests, for explaining misses.
 *
 * @param requests how many outlines of requests are kept in memory; 0 for none
 */
public record ExplainSettings(
        @Setting(value = "10000", allowed = "a number from 0 to 1000000")
        int requests) {
    /** Checks the range. */
    public ExplainSettings {
        InvalidSetting.unless(requests >= 0 && requests <= 1_000_000, "requests");
    }
}
