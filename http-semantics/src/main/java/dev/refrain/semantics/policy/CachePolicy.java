package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.preset.Preset;
import java.time.Duration;

/**
 * What a field and a preset decide together (wire rules W4 to W7). Pure functions; never throw for what a client sent.
 */
final class CachePolicy {
    private static final int NONE = -1;
    private static final int MAX_SECONDS = (int) CacheControls.MAX_TTL.toSeconds();

    private CachePolicy() {}

    /** Whether caching is on; null stands for a preset that does not say it. */
    static boolean isOn(String header, Boolean preset, boolean otherwise) {
        if (Boolean.FALSE.equals(preset) || says(header, "false")) {
            return false;
        }
        return otherwise || says(header, "true") || Boolean.TRUE.equals(preset);
    }

    /** The lifetime of what is stored. */
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

    /** Whether a field has this word, in any case. */
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
