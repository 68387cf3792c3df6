package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.request.CanonicalJson;
import dev.refrain.engine.internal.request.RequestScan;
import dev.refrain.engine.internal.seal.Hkdf;
import dev.refrain.engine.internal.seal.ScopeKey;
import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Turns a request into its key: SHA-256 over a version and the length-delimited parts of wire rule W10.
 *
 * <p>The digest is cryptographic because prompts come from end users: with a faster hash, a crafted collision could
 * serve one user's answer to another. Credentials and query strings go in as HMACs under the installation secret, so
 * that a stolen file cannot be used to test guesses of API keys (W15). No credential is kept after a call. Thread-safe.
 */
final class KeyDeriver {
    /** Changes whenever the parts or their order change. Old entries are then never found again. */
    static final byte KEY_VERSION = 2;

    /** Never occurs in UTF-8, so no API key begins with it. */
    private static final byte NO_TEXT = (byte) 0xFF;

    private static final byte CREDENTIALS = 1;
    private static final byte QUERY = 2;
    private static final byte TEAM = 4;

    private static final byte UNSCOPED = 3;

    private static final byte[] CLUSTER = ascii("refrain cluster 1");
    private static final byte[] INSTALLATION = ascii("refrain installation 1");
    private static final byte[] KEYS = ascii("keys");
    private static final byte[] SEALS = ascii("seals");
    private static final byte[] IDS = ascii("ids");

    private final Map<Endpoint, KeyRules> rules = new EnumMap<>(Endpoint.class);
    private final Pool<Mac> macs;
    /** Make the keys that seal; null if nothing is sealed. */
    private final Pool<Mac> sealMacs;

    /**
     * Makes keys under a secret, for answers that are not sealed.
     *
     * @param secret the installation's
     */
    KeyDeriver(byte[] secret) {
        this(secret, null);
    }

    private KeyDeriver(byte[] secret, byte[] sealSecret) {
        this.macs = new Pool<>(() -> newMac(secret));
        this.sealMacs = sealSecret == null ? null : new Pool<>(() -> newMac(sealSecret));
    }

    /**
     * Makes the same keys as {@link #KeyDeriver(byte[])}, for answers that are sealed.
     *
     * @param secret the installation's
     */
    static KeyDeriver ofInstallation(byte[] secret) {
        Hkdf hkdf = new Hkdf();
        return new KeyDeriver(secret, hkdf.expand(hkdf.extract(INSTALLATION, secret), Hkdf.HASH_LENGTH, SEALS));
    }

    /**
     * Makes keys that are the same on all machines of a cluster, for answers that are sealed. Two secrets are derived
     * from the cluster's, so that each has one use: the first makes keys and scopes, and the second the keys that seal.
     *
     * @param clusterSecret at least 32 bytes, hard to guess; not kept
     */
    static KeyDeriver ofCluster(byte[] clusterSecret) {
        Hkdf hkdf = new Hkdf();
        byte[] key = hkdf.extract(CLUSTER, clusterSecret);
        return new KeyDeriver(hkdf.expand(key, Hkdf.HASH_LENGTH, KEYS), hkdf.expand(key, Hkdf.HASH_LENGTH, SEALS));
    }

    /**
     * The secret under which the machines of a cluster make ids of hits, and recognise the ids that others have made.
     */
    static byte[] idsOfCluster(byte[] clusterSecret) {
        Hkdf hkdf = new Hkdf();
        return hkdf.expand(hkdf.extract(CLUSTER, clusterSecret), Hkdf.HASH_LENGTH, IDS);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static Mac newMac(byte[] secret) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(secret, "HmacSHA256"));
            return mac;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }

    /** One thread's working memory. */
    static final class Scratch {
        private final MessageDigest sha256 = KeyParts.sha256();
        private final byte[] digest = new byte[CacheKey.LENGTH];
        /** The hashed input before the body. A short body is appended, so that one call digests both. */
        private final KeyBytes head = new KeyBytes(RequestScan.GATHERED_BYTES);

        /** The bytes that {@link KeyDeriver#begin} has put together. */
        KeyBytes head() {
            return head;
        }

        /** A digest in its initial state, for any use. */
        MessageDigest sha256() {
            sha256.reset();
            return sha256;
        }
    }

    /** Sets what part of a body goes into keys, by endpoint. Called once, before the first context is made. */
    void rules(Map<Endpoint, KeyRules> byEndpoint) {
        rules.putAll(byEndpoint);
    }

    KeyRules rules(Endpoint endpoint) {
        return rules.getOrDefault(endpoint, KeyRules.NONE);
    }

    // ---- who asks, and where

    CacheScope scope(String apiKey) {
        return scope(apiKey.getBytes(StandardCharsets.UTF_8));
    }

    CacheScope scope(List<String> credentials) {
        return scope(CREDENTIALS, credentials);
    }

    /** The scope of a team. It differs from the scope of any list of credentials, since the kind is hashed, too. */
    CacheScope teamScope(String team, List<String> others) {
        List<String> parts = new ArrayList<>(others.size() + 1);
        parts.add(team);
        parts.addAll(others);
        return scope(TEAM, parts);
    }

    private CacheScope scope(byte kind, List<String> texts) {
        KeyBytes parts = new KeyBytes(256);
        parts.put(NO_TEXT);
        parts.put(kind);
        texts.forEach(parts::part);
        byte[] all = parts.copy();
        parts.wipe();
        return scope(all);
    }

    /**
     * Derives a scope and its sealing key from credentials, by one-way functions under independent secrets. So the
     * scope, which is part of keys, reveals nothing of the key that seals entries.
     *
     * @param credentials overwritten with zeros
     */
    private CacheScope scope(byte[] credentials) {
        ScopeKey sealKey = sealMacs == null ? null : new ScopeKey(hash(sealMacs, credentials));
        CacheScope scope = new CacheScope(hash(macs, credentials), sealKey);
        Arrays.fill(credentials, (byte) 0);
        return scope;
    }

    /** The key that seals entries without a known scope, derived from the secret alone; null if nothing is sealed. */
    ScopeKey unscopedSealKey() {
        return sealMacs == null ? null : new ScopeKey(hash(sealMacs, new byte[] {NO_TEXT, UNSCOPED}));
    }

    private static byte[] hash(Pool<Mac> macs, byte[] bytes) {
        Mac mac = macs.take();
        byte[] hash = mac.doFinal(bytes);
        macs.give(mac);
        return hash;
    }

    byte[] queryHash(String query) {
        Mac mac = macs.take();
        mac.update(NO_TEXT);
        mac.update(QUERY);
        byte[] hash = mac.doFinal(query.getBytes(StandardCharsets.UTF_8));
        macs.give(mac);
        return hash;
    }

    // ---- keys

    /** Derives the key of an eligible request. */
    void derive(CacheRequest request, KeyBuffer into, Scratch scratch) {
        KeyContext context = request.context(this);
        begin(context, request.presetFingerprint(), scratch);
        finish(context, request.stream(), request.body(context), request.outgoing(), into, scratch);
    }

    /**
     * Starts a key with everything except the body.
     *
     * @throws IllegalArgumentException if another cache made the context, perhaps under another secret
     */
    void begin(KeyContext context, String presetFingerprint, Scratch scratch) {
        if (context.maker() != this) {
            throw new IllegalArgumentException("the context was made by another cache");
        }
        scratch.head.truncate(0);
        scratch.head.put(context.head());
        scratch.head.part(presetFingerprint);
    }

    /**
     * Completes the key that {@link #begin} has started.
     *
     * @param body goes into the key
     * @param outgoing the body that goes upstream, with a preset applied; its model labels the entry
     */
    static void finish(
            KeyContext context,
            boolean stream,
            RequestScan body,
            RequestScan outgoing,
            KeyBuffer into,
            Scratch scratch) {
        KeyBytes head = scratch.head;
        int begun = head.length();
        byte[] canonical = context.rules().isCanonical() ? CanonicalJson.of(body) : null;
        // The model needs no part of its own, since it is in the body.
        head.putLength(canonical == null ? body.normalisedLength() : canonical.length);
        head.array()[1] = (byte) (stream ? 1 : 0);
        MessageDigest sha256 = scratch.sha256;
        sha256.reset();
        if (canonical == null) {
            body.digest(sha256, head.array(), head.length());
        } else {
            sha256.update(head.array(), 0, head.length());
            sha256.update(canonical);
        }
        head.array()[1] = 0;
        head.truncate(begun);
        try {
            sha256.digest(scratch.digest, 0, CacheKey.LENGTH);
        } catch (DigestException e) {
            throw new IllegalStateException(e);
        }
        into.set(context, stream, scratch.digest, 0, outgoing.fields().modelTag());
    }
}
