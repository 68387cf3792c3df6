package dev.refrain.semantics.preset;

import dev.refrain.engine.exchange.Endpoint;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A locally known preset: a cache policy and, possibly, fields to fill in (wire rule W51). Immutable and thread-safe.
 */
public final class Preset {
    private final PresetDefinition definition;
    private final PresetFields fields;
    private final String fingerprint;

    /** The preset that the definition describes. */
    public Preset(PresetDefinition definition) {
        this.definition = definition;
        this.fields = new PresetFields(definition);
        this.fingerprint = sha256(fields.canonical());
    }

    /** The name that requests use; never null. */
    public String slug() {
        return definition.slug();
    }

    /**
     * Heap that {@link #resolve} needs, in multiples of the body's length: for the result, for its copy while it grows,
     * and for the parser's copy of a number, which may be most of the body.
     */
    public static final int RESOLVING_FACTOR = 4;

    /** Whether requests with this preset are cached, or null to leave it to their headers. */
    public Boolean cacheEnabled() {
        return definition.cacheEnabled();
    }

    /** Lifetime of the answers in seconds, 1 to 31536000, or null for the default. */
    public Integer ttlSeconds() {
        return definition.cacheTtlSeconds();
    }

    /**
     * Whether the preset fills in nothing. Its requests then go upstream unchanged, with their reference to the preset.
     */
    public boolean isPolicyOnly() {
        return fields.isEmpty();
    }

    /**
     * SHA-256, in hexadecimal, of the fields that the preset fills in. The slug and the cache fields are left out,
     * since they do not change the answer. The same after a restart, and for any order of the configured fields.
     */
    public String fingerprint() {
        return fingerprint;
    }

    /**
     * Applies the preset: removes the references to it, and appends those of its fields that the request does not have.
     * All else stays as the client wrote it, byte for byte. Not for a preset that is
     * {@linkplain #isPolicyOnly policy only}.
     *
     * @param body one JSON object in UTF-8 that refers to this preset; not modified
     * @throws IllegalArgumentException if the body is no such object, is nested more than 1,000 levels deep, or has
     *     distinct names that take more than 1 MiB, counted as 64 bytes and one for each character
     */
    public byte[] resolve(Endpoint endpoint, byte[] body) {
        return RequestMerge.merge(fields, endpoint, body);
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
