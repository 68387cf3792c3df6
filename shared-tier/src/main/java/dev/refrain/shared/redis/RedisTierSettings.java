package dev.refrain.shared.redis;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;

/**
 * Settings of a {@link RedisTier}: its servers, its limits and its timeouts. Immutable. Nothing is null.
 *
 * @param uri {@code redis://[user:password@]host[:port][/database]}, {@code redis-sentinel://...#master} with addresses
 *     of Sentinels, or {@code redis-cluster://...} with addresses of nodes, separated by commas; {@code rediss} for
 *     TLS. May contain a secret
 * @param prefix prefix of all keys and channels, 1 to 32 of {@code A-Za-z0-9._-}; each cluster of proxies needs its own
 * @param timeout timeout of each command for which requests wait, and of each lookup as a whole, positive
 * @param sendTimeout timeout of each command that sends an entry, or a part of one, in the background, positive
 * @param partBytes length of the parts in which a longer entry is kept, 64 KiB to 16 MiB
 * @param maxEntryBytes the longest entry, and the longest live stream, in bytes; at least {@code partBytes}
 * @param maxBarriers number of names for which the latest barrier is remembered, positive
 * @param confirmTimeout how long raising a barrier waits for confirmations from all connected machines, positive
 * @param tls certificates for TLS; used only with a {@code rediss} URI
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
     * @param caFile certificates of trusted issuers, in place of the JVM's, or null
     * @param clientCertificate certificate for servers that ask for one, or null
     * @param clientKey private key of that certificate, PKCS #8 without a password, or null
     */
    public record Tls(Path caFile, Path clientCertificate, Path clientKey) {
        /** The issuers that the JVM trusts, and no client certificate. */
        public static final Tls OF_THE_JVM = new Tls(null, null, null);

        /** Requires both the certificate and its key, or neither. */
        public Tls {
            require(
                    (clientCertificate == null) == (clientKey == null),
                    "a client certificate needs a key, and a key a certificate",
                    clientCertificate);
        }
    }

    /**
     * The defaults: timeouts of 50 ms, and of 10 s for sending; parts of 1 MiB, entries of up to 16 MiB; 100,000
     * barriers; 5 s for confirmations.
     */
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

    /** Checks all settings. */
    public RedisTierSettings {
        Objects.requireNonNull(uri, "uri");
        Objects.requireNonNull(tls, "tls");
        require(prefix.matches("[A-Za-z0-9._-]{1,32}"), "prefix must be 1 to 32 of A-Za-z0-9._-", prefix);
        require(isPositive(timeout), "timeout must be positive", timeout);
        require(isPositive(sendTimeout), "sendTimeout must be positive", sendTimeout);
        require(partBytes >= 64 << 10 && partBytes <= 16 << 20, "partBytes must be 64 KiB to 16 MiB", partBytes);
        require(maxEntryBytes >= partBytes, "maxEntryBytes must be at least partBytes", maxEntryBytes);
        require(maxBarriers > 0, "maxBarriers must be positive", maxBarriers);
        require(isPositive(confirmTimeout), "confirmTimeout must be positive", confirmTimeout);
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

    /** The same with another timeout for sending. */
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

    /** A text without the URI, which may contain a password. */
    @Override
    public String toString() {
        return "shared tier with prefix " + prefix;
    }
}
