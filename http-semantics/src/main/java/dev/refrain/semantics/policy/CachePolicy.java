package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.preset.Preset;
import java.time.Duration;
import java.util.List;

/**
 * The cache decision for one request (wire rules W4 to W8 and W30). Pure functions; never throw for what a client sent.
 */
public final class CachePolicy {
    private static final int NONE = -1;
    private static final int MAX_SECONDS = (int) CacheControls.MAX_TTL.toSeconds();

    private CachePolicy() {}

    /**
     * Decides from what the client sent and what its preset says.
     *
     * @param cacheHeader value of {@code X-OpenRouter-Cache}, or null
     * @param ttlHeader value of {@code X-OpenRouter-Cache-TTL}, or null
     * @param clearHeader value of {@code X-OpenRouter-Cache-Clear}, or null
     * @param cacheControl values of the {@code Cache-Control} lines, or null
     * @param preset the preset that the request names, or null if it names none that is known
     */
    public static CacheControls decide(
            String cacheHeader, String ttlHeader, String clearHeader, List<String> cacheControl, Preset preset) {
        return new RequestedCaching(cacheHeader, ttlHeader, clearHeader, cacheControl, CacheControls.OFF).with(preset);
    }

    static boolean isOn(String header, Boolean preset, boolean otherwise) {
        if (Boolean.FALSE.equals(preset) || says(header, "false")) {
            return false;
        }
        return otherwise || says(header, "true") || Boolean.TRUE.equals(preset);
    }

    static Duration ttl(String header, Preset preset, Duration otherwise) {
        int seconds = header == null ? NONE : leadingNumber(header.strip());
        if (seconds != NONE) {
            return Duration.ofSeconds(Math.max(seconds, CacheControls.MIN_TTL.toSeconds()));
        }
        if (preset != null && preset.ttlSeconds() != null) {
            return Duration.ofSeconds(preset.ttlSeconds());
        }
        return otherwise;
    }

    static boolean says(String header, String word) {
        return header != null && header.strip().equalsIgnoreCase(word);
    }

    /** The number that a text begins with, at most {@link #MAX_SECONDS}, or {@link #NONE}. */
    private static int leadingNumber(String text) {
        int number = NONE;
        for (int i = 0; i < text.length() && text.charAt(i) >= '0' && text.charAt(i) <= '9'; i++) {
            number = Math.min(Math.max(number, 0) * 10 + text.charAt(i) - '0', MAX_SECONDS);
        }
        return number;
    }
}
