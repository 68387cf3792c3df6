package dev.refrain.shared.redis;

import java.time.Duration;
import java.util.Objects;

/**
 * How a {@link RedisTier} is reached and what it keeps. Immutable. Nothing is null.
 *
 * @param uri {@code redis://[user:password@]host[:port][/database]}, or {@code rediss://} for TLS; holds a secret
 * @param prefix what all keys and channels begin with, 1 to 32 of {@code A-Za-z0-9._-}; another one for each cluster
 * @param timeout for each command, and for each answer of the tier as a whole, positive
 * @param partBytes an entry that is longer than this is kept in parts of this length, 64 KiB to 16 MiB
 * @param maxEntryBytes the longest entry, and the longest live stream, in bytes, at least one part
 * @param maxBarriers for how many names the time of the latest barrier is remembered, positive
 * @param confirmTimeout how long a barrier waits until all connected machines have confirmed it, positive
 */
public record RedisTierSettings(
        String uri,
        String prefix,
        Duration timeout,
        int partBytes,
        int maxEntryBytes,
        int maxBarriers,
        Duration confirmTimeout) {
    /** The defaults: 50 ms, parts of 1 MiB up to 16 MiB, 100,000 barriers, 5 s. */
    public static RedisTierSettings of(String uri) {
        return new RedisTierSettings(
                uri, "refrain", Duration.ofMillis(50), 1 << 20, 16 << 20, 100_000, Duration.ofSeconds(5));
    }

    /** Checks each of them. */
    public RedisTierSettings {
        Objects.requireNonNull(uri, "uri");
        require(prefix.matches("[A-Za-z0-9._-]{1,32}"), "prefix must be 1 to 32 of A-Za-z0-9._-", prefix);
        require(isPositive(timeout), "timeout is positive", timeout);
        require(partBytes >= 64 << 10 && partBytes <= 16 << 20, "partBytes must be 64 KiB to 16 MiB", partBytes);
        require(maxEntryBytes >= partBytes, "maxEntryBytes must be at least partBytes", maxEntryBytes);
        require(maxBarriers > 0, "maxBarriers is positive", maxBarriers);
        require(isPositive(confirmTimeout), "confirmTimeout is positive", confirmTimeout);
    }

    private static boolean isPositive(Duration duration) {
        return !duration.isNegative() && !duration.isZero();
    }

    private static void require(boolean holds, String rule, Object actual) {
        if (!holds) {
            throw new IllegalArgumentException(rule + ", was " + actual);
        }
    }

    /** The same with another prefix. */
    public RedisTierSettings withPrefix(String other) {
        return new RedisTierSettings(uri, other, timeout, partBytes, maxEntryBytes, maxBarriers, confirmTimeout);
    }

    /** The same with another timeout. */
    public RedisTierSettings withTimeout(Duration other) {
        return new RedisTierSettings(uri, prefix, other, partBytes, maxEntryBytes, maxBarriers, confirmTimeout);
    }

    /** The same with parts of another length, in bytes. */
    public RedisTierSettings withPartBytes(int other) {
        return new RedisTierSettings(uri, prefix, timeout, other, maxEntryBytes, maxBarriers, confirmTimeout);
    }

    /** The same with another limit for entries and live streams, in bytes. */
    public RedisTierSettings withMaxEntryBytes(int other) {
        return new RedisTierSettings(uri, prefix, timeout, partBytes, other, maxBarriers, confirmTimeout);
    }

    /** The same with another number of barriers. */
    public RedisTierSettings withMaxBarriers(int other) {
        return new RedisTierSettings(uri, prefix, timeout, partBytes, maxEntryBytes, other, confirmTimeout);
    }

    /** The same with another time for confirmations. */
    public RedisTierSettings withConfirmTimeout(Duration other) {
        return new RedisTierSettings(uri, prefix, timeout, partBytes, maxEntryBytes, maxBarriers, other);
    }

    /** Not the URI, which may hold a password. */
    @Override
    public String toString() {
        return "shared tier with prefix " + prefix;
    }
}
