package dev.refrain.http.config;

/**
 * What is kept to explain misses.
 *
 * @param requests of which an outline is kept in memory; 0 is none
 */
public record ExplainSettings(
        @Setting(value = "10000", allowed = "a number from 0 to 1000000")
        int requests) {
    /** Checks the range. */
    public ExplainSettings {
        InvalidSetting.unless(requests >= 0 && requests <= 1_000_000, "requests");
    }
}
