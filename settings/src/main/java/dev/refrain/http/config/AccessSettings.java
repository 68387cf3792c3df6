package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which API keys are served, and how many requests each may make.
 *
 * @param keys SHA-256 of the API keys whose requests are served, in lower-case hexadecimal, separated by commas;
 *     {@code none} to serve all requests
 * @param requestsPerSecond limit of each API key, or null for no limit
 * @param burst how many requests an API key may make at once, or null for as many as in a second
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record AccessSettings(
        @Setting(
                value = "none",
                allowed = "the SHA-256 of API keys, 64 lower-case hexadecimal digits each, separated by commas, or"
                        + " none",
                secret = true,
                live = true)
        String keys,

        @Setting(allowed = "a number from 0.001 to 1000000, such as 20, or 0.5 for one in two seconds")
        Double requestsPerSecond,

        @Setting(allowed = "a number from 1 to 1000000, and requests-per-second beside it")
        Integer burst) {
    private static final int MOST = 1_000_000;
    private static final double LEAST_PER_SECOND = 0.001;
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    /** Checks the form of the digests and the ranges. */
    public AccessSettings {
        InvalidSetting.unless(Checks.items(keys).stream().allMatch(SHA256.asMatchPredicate()), "keys");
        InvalidSetting.unless(
                requestsPerSecond == null || (requestsPerSecond >= LEAST_PER_SECOND && requestsPerSecond <= MOST),
                "requests-per-second");
        InvalidSetting.unless(burst == null || (burst >= 1 && burst <= MOST && requestsPerSecond != null), "burst");
    }

    /**
     * How many requests an API key may make at once: the burst if it is set, else as many as in a second. Not to be
     * called without a limit per second.
     */
    public int requestsAtOnce() {
        return burst != null ? burst : (int) Math.max(1, Math.ceil(requestsPerSecond));
    }

    /** SHA-256 of the API keys whose requests are served; empty to serve all requests. */
    public Set<String> allowed() {
        return Set.copyOf(Checks.items(keys));
    }
}
