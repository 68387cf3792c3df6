package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.request.CanonicalJson;
import dev.refrain.engine.internal.request.RequestScan;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * The parts of a key (wire rule W10), by which two keys can be compared. Confidential parts are digests. Immutable and
 * thread-safe; nothing is null.
 *
 * @param key the key itself
 * @param version of the key derivation
 * @param streaming whether the answer is asked for as a stream
 * @param scope see {@link CacheKey#scope}
 * @param endpoint never null
 * @param upstream identifies the provider
 * @param target what the path says beyond the endpoint, or empty
 * @param query 48 bits of a keyed hash of the query string in hexadecimal, or empty if there is none
 * @param headers the first 48 bits of the SHA-256 of the header lines in the key, or empty if there are none
 * @param preset fingerprint of the preset that was applied, or empty
 * @param namespace empty if there is none
 * @param sample which of several answers to the request, or {@link CacheKey#NO_SAMPLE}
 * @param body the first 48 bits of the SHA-256 of the body after normalisation
 */
public record KeyParts(
        CacheKey key,
        int version,
        boolean streaming,
        String scope,
        Endpoint endpoint,
        String upstream,
        String target,
        String query,
        String headers,
        String preset,
        String namespace,
        int sample,
        String body) {

    private static final int SHOWN_BYTES = 6;

    static KeyParts of(CacheKey key, KeyContext context, CacheRequest request) {
        MessageDigest sha256 = sha256();
        byte[] canonical = context.rules().isCanonical() ? CanonicalJson.of(request.body(context)) : null;
        if (canonical == null) {
            request.body(context).digest(sha256, new byte[RequestScan.GATHERED_BYTES], 0);
        } else {
            sha256.update(canonical);
        }
        return new KeyParts(
                key,
                KeyDeriver.KEY_VERSION,
                request.stream(),
                key.scope(),
                context.endpoint(),
                context.upstream(),
                context.target(),
                context.query(),
                context.headers(),
                request.presetFingerprint(),
                key.namespace() == null ? "" : key.namespace(),
                key.sample(),
                shown(sha256.digest()));
    }

    static String shownDigest(byte[] of) {
        return shown(sha256().digest(of));
    }

    static String shown(byte[] digest) {
        return HexFormat.of().formatHex(digest, 0, SHOWN_BYTES);
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
