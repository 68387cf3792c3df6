package dev.refrain.engine;

import dev.refrain.engine.internal.request.RequestScan;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * What went into a key (wire rule W10), such that two keys can be compared part by part. Holds digests of what may be confidential.
 *
 * @param key the key itself
 * @param version of the way in which keys are derived
 * @param streaming whether the answer is asked for as a stream
 * @param scope see {@link CacheKey#scope}
 * @param endpoint never null
 * @param upstream what names the provider
 * @param query the first 48 bits of the query string's SHA-256 in hexadecimal, or empty if there is none
 * @param preset fingerprint of the preset that was applied, or empty
 * @param body the first 48 bits of the SHA-256 of the body after normalisation
 */
public record KeyParts(
        CacheKey key,
        int version,
        boolean streaming,
        String scope,
        Endpoint endpoint,
        String upstream,
        String query,
        String preset,
        String body) {

    private static final int SHOWN_BYTES = 6;

    static KeyParts of(CacheKey key, CacheRequest request) {
        MessageDigest sha256 = sha256();
        String query = "";
        if (!request.query().isEmpty()) {
            sha256.update(request.query().getBytes(StandardCharsets.UTF_8));
            query = shown(sha256.digest());
        }
        request.body().digest(sha256, new byte[RequestScan.GATHERED_BYTES], 0);
        return new KeyParts(
                key,
                KeyDeriver.KEY_VERSION,
                request.stream(),
                key.scope(),
                request.endpoint(),
                request.upstream(),
                query,
                request.presetFingerprint(),
                shown(sha256.digest()));
    }

    private static String shown(byte[] digest) {
        return HexFormat.of().formatHex(digest, 0, SHOWN_BYTES);
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
