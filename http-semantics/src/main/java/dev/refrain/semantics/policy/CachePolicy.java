package dev.refrain.semantics.policy;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheDirectives;
import dev.refrain.semantics.preset.Preset;
import java.time.Duration;

/**
 * Combines a header field, a preset, a policy and the defaults into one decision (wire rules W4 to W7, W80 and W81).
 * Pure functions. Nothing that a client can send makes them throw.
 */
final class CachePolicy {
    private static final int NONE = -1;

    private CachePolicy() {}

    /** Whether caching is on: the first rule of W4 that applies decides. */
    static boolean isOn(String header, Preset preset, Policy policy, CacheDefaults defaults) {
        Policy.Caching said = policy == null ? null : policy.cache();
        Boolean byPreset = preset == null ? null : preset.cacheEnabled();
        if (said == Policy.Caching.NEVER || Boolean.FALSE.equals(byPreset) || says(header, "false")) {
            return false;
        }
        boolean otherwise = said == null ? defaults.on() : said == Policy.Caching.ON;
        return otherwise || says(header, "true") || Boolean.TRUE.equals(byPreset);
    }

    /** The lifetime of what is stored. */
    static Duration ttl(String header, Preset preset, Policy policy, CacheDefaults defaults) {
        Duration most = policy == null || policy.maxTtl() == null ? defaults.maxTtl() : policy.maxTtl();
        int seconds = header == null ? NONE : leadingNumber(header.strip(), (int) most.toSeconds());
        Duration asked;
        if (seconds != NONE) {
            asked = Duration.ofSeconds(Math.max(seconds, CacheControls.MIN_TTL.toSeconds()));
        } else if (preset != null && preset.ttlSeconds() != null) {
            asked = Duration.ofSeconds(preset.ttlSeconds());
        } else {
            asked = policy == null || policy.ttl() == null ? defaults.ttl() : policy.ttl();
        }
        return asked.compareTo(most) < 0 ? asked : most;
    }

    /** The directives of a request, with those that a policy's mode adds. */
    static CacheDirectives directives(CacheDirectives asked, Policy policy) {
        if (policy == null || policy.mode() == Policy.Mode.READ_WRITE) {
            return asked;
        }
        return new CacheDirectives(
                asked.noCache() || policy.mode() == Policy.Mode.WRITE_ONLY,
                asked.noStore() || policy.mode() == Policy.Mode.READ_ONLY,
                asked.maxAgeSeconds(),
                asked.onlyIfCached(),
                asked.staleIfErrorSeconds());
    }

    /** Whether a field's value is this word, in any case. */
    static boolean says(String header, String word) {
        return header != null && header.strip().equalsIgnoreCase(word);
    }

    /** The number that a text begins with, at most {@code most}, or {@link #NONE}. */
    private static int leadingNumber(String text, int most) {
        long number = NONE;
        for (int i = 0; i < text.length() && text.charAt(i) >= '0' && text.charAt(i) <= '9'; i++) {
            number = Math.min(Math.max(number, 0) * 10 + text.charAt(i) - '0', most);
        }
        return (int) number;
    }
}
