package dev.refrain.engine;

import java.time.Duration;
import java.util.Objects;

/**
 * What a client asks of the cache for one request, after a front-end has resolved headers and presets (wire rules W4 to
 * W8 and W30). Immutable and thread-safe; nothing is null.
 *
 * @param enabled whether caching is on at all; if false, the other parts mean nothing
 * @param ttl lifetime of what this request stores, {@link #MIN_TTL} to {@link #MAX_TTL}
 * @param clear whether the key's entry is dropped first (W7)
 * @param directives what the request's {@code Cache-Control} says; never null
 */
public record CacheControls(boolean enabled, Duration ttl, boolean clear, CacheDirectives directives) {
    /** The shortest lifetime of an entry. */
    public static final Duration MIN_TTL = Duration.ofSeconds(1);
    /** The longest lifetime of an entry (W80). */
    public static final Duration MAX_TTL = Duration.ofDays(365);
    /** The lifetime of an entry if nothing else is asked for (W5). */
    public static final Duration DEFAULT_TTL = Duration.ofMinutes(5);

    /** Caching is off. */
    public static final CacheControls OFF = new CacheControls(false, DEFAULT_TTL, false);

    /** @throws IllegalArgumentException if the lifetime is out of range */
    public CacheControls {
        Objects.requireNonNull(ttl, "ttl");
        Objects.requireNonNull(directives, "directives");
        if (ttl.compareTo(MIN_TTL) < 0 || ttl.compareTo(MAX_TTL) > 0) {
            throw new IllegalArgumentException("ttl must be between 1 second and 365 days, was " + ttl);
        }
    }

    /** Controls without directives. */
    public CacheControls(boolean enabled, Duration ttl, boolean clear) {
        this(enabled, ttl, clear, CacheDirectives.NONE);
    }

    /** Caching is on, with the given lifetime. */
    public static CacheControls on(Duration ttl) {
        return new CacheControls(true, ttl, false);
    }

    /** These controls with other directives. */
    public CacheControls with(CacheDirectives others) {
        return new CacheControls(enabled, ttl, clear, others);
    }
}
