package dev.refrain.shared.redis;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;

/**
 * How a {@link RedisTier} is reached and what it keeps. Immutable. Nothing is null.
 *
 * @param uri {@code redis://[user:password@]host[:port][/database]}, {@code redis-sentinel://...#master} with the
 *     addresses of Sentinels, or {@code redis-cluster://...} with those of nodes, by commas; {@code rediss} for TLS.
 *     Holds a secret
 * @param prefix what all keys and channels begin with, 1 to 32 of {@code A-Za-z0-9._-}; another one for each cluster
 * @param timeout for each command that somebody waits for, and for each answer of the tier as a whole, positive
 * @param sendTimeout for each command that sends an entry, or a part of one, positive; nobody waits for it
 * @param partBytes an entry that is longer than this is kept in parts of this length, 64 KiB to 16 MiB
 * @param maxEntryBytes the longest entry, and the longest live stream, in bytes, at least one part
 * @param maxBarriers for how many names the time of the latest barrier is remembered, positive
 * @param confirmTimeout how long a barrier waits until all connected machines have confirmed it, positive
 * @param tls with which certificates TLS is spoken, where it is
 */
public record RedisTierSettings(
        String uri,
        String prefix,
        Duration timeout,
        Duration sendTimeout,
        int partBytes,
        int maxEntryBytes,
        int maxBarriers,
        Duration confirmTimeout,
        Tls tls) {
    /**
     * Certificates in PEM. Immutable.
     *
     * @param caFile of the issuers that are trusted in place of those that the JVM trusts, or null
     * @param clientCertificate what servers are shown that ask who calls, or null
     * @param clientKey of it, PKCS #8 without a password, or null
     */
    public record Tls(Path caFile, Path clientCertificate, Path clientKey) {
        /** The issuers that the JVM trusts, and nothing to show. */
        public static final Tls OF_THE_JVM = new Tls(null, null, null);

        /** Checks that a key and its certificate come together. */
        public Tls {
            require((clientCertificate == null) == (clientKey == null), "a certificate has a key", clientCertificate);
        }
    }

    /** The defaults: 50 ms, 10 s, parts of 1 MiB up to 16 MiB, 100,000 barriers, 5 s. */
    public static RedisTierSettings of(String uri) {
        return new RedisTierSettings(
                uri,
                "refrain",
                Duration.ofMillis(50),
                Duration.ofSeconds(10),
                1 << 20,
                16 << 20,
                100_000,
                Duration.ofSeconds(5),
                Tls.OF_THE_JVM);
    }

    /** Checks each of them. */
    public RedisTierSettings {
        Objects.requireNonNull(uri, "uri");
        Objects.requireNonNull(tls, "tls");
        require(prefix.matches("[A-Za-z0-9._-]{1,32}"), "prefix must be 1 to 32 of A-Za-z0-9._-", prefix);
        require(isPositive(timeout), "timeout is positive", timeout);
        require(isPositive(sendTimeout), "sendTimeout is positive", sendTimeout);
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
        return new RedisTierSettings(
                uri, other, timeout, sendTimeout, partBytes, maxEntryBytes, maxBarriers, confirmTimeout, tls);
    }

    /** The same with another timeout. */
    public RedisTierSettings withTimeout(Duration other) {
        return new RedisTierSettings(
                uri, prefix, other, sendTimeout, partBytes, maxEntryBytes, maxBarriers, confirmTimeout, tls);
    }

    /** The same with another timeout for what is sent. */
    public RedisTierSettings withSendTimeout(Duration other) {
        return new RedisTierSettings(
                uri, prefix, timeout, other, partBytes, maxEntryBytes, maxBarriers, confirmTimeout, tls);
    }

    /** The same with parts of another length, in bytes. */
    public RedisTierSettings withPartBytes(int other) {
        return new RedisTierSettings(
                uri, prefix, timeout, sendTimeout, other, maxEntryBytes, maxBarriers, confirmTimeout, tls);
    }

    /** The same with another limit for entries and live streams, in bytes. */
    public RedisTierSettings withMaxEntryBytes(int other) {
        return new RedisTierSettings(
                uri, prefix, timeout, sendTimeout, partBytes, other, maxBarriers, confirmTimeout, tls);
    }

    /** The same with another number of barriers. */
    public RedisTierSettings withMaxBarriers(int other) {
        return new RedisTierSettings(
                uri, prefix, timeout, sendTimeout, partBytes, maxEntryBytes, other, confirmTimeout, tls);
    }

    /** The same with another time for confirmations. */
    public RedisTierSettings withConfirmTimeout(Duration other) {
        return new RedisTierSettings(
                uri, prefix, timeout, sendTimeout, partBytes, maxEntryBytes, maxBarriers, other, tls);
    }

    /** The same with other certificates. */
    public RedisTierSettings withTls(Tls other) {
        return new RedisTierSettings(
                uri, prefix, timeout, sendTimeout, partBytes, maxEntryBytes, maxBarriers, confirmTimeout, other);
    }

    /** The same with another URI. */
    RedisTierSettings withUri(String other) {
        return new RedisTierSettings(
                other, prefix, timeout, sendTimeout, partBytes, maxEntryBytes, maxBarriers, confirmTimeout, tls);
    }

    /** Not the URI, which may hold a password. */
    @Override
    public String toString() {
        return "shared tier with prefix " + prefix;
    }
}
