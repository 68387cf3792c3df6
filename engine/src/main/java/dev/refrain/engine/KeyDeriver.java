package dev.refrain.engine;

import dev.refrain.engine.internal.request.RequestScan;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Turns a request into its key: SHA-256 over a version and the length-delimited parts of wire rule W10.
 *
 * <p>The digest is cryptographic because prompts come from end users: with a faster hash a crafted collision would serve one
 * user's answer to another. The API key goes in as an HMAC under the installation secret, so that nobody who holds the file can
 * test guesses of API keys against it (W15). Every part is preceded by its length; otherwise {@code ("ab", "c")} and
 * {@code ("a", "bc")} would be the same request.
 */
final class KeyDeriver {
    /** Changes whenever the parts or their order do; old entries are then never found again. */
    static final byte KEY_VERSION = 1;

    /** Scopes remembered before the memo is emptied: bounds the memory that clients with made-up API keys can take. */
    private static final int MAX_SCOPES = 4096;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final SecretKeySpec secret;
    private final ConcurrentHashMap<String, byte[]> scopes = new ConcurrentHashMap<>();

    KeyDeriver(byte[] secret) {
        this.secret = new SecretKeySpec(secret, "HmacSHA256");
    }

    /** One thread's working memory. */
    static final class Scratch {
        private final MessageDigest sha256 = newSha256();
        private final byte[] digest = new byte[CacheKey.LENGTH];
        /** Short bodies are put behind it to be digested with it. */
        private byte[] head = new byte[RequestScan.GATHERED_BYTES];

        private int headLength;

        private static MessageDigest newSha256() {
            try {
                return MessageDigest.getInstance("SHA-256");
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("every Java platform has SHA-256", e);
            }
        }

        /** Length of {@link KeyDeriver#head}. */
        int headLength() {
            return headLength;
        }

        private void part(byte[] bytes) {
            length(bytes.length);
            System.arraycopy(bytes, 0, room(bytes.length), headLength, bytes.length);
            headLength += bytes.length;
        }

        /** ASCII without garbage; anything else through the encoder. */
        private void part(String text) {
            int length = text.length();
            for (int i = 0; i < length; i++) {
                if (text.charAt(i) >= 0x80) {
                    part(text.getBytes(StandardCharsets.UTF_8));
                    return;
                }
            }
            length(length);
            byte[] target = room(length);
            for (int i = 0; i < length; i++) {
                target[headLength + i] = (byte) text.charAt(i);
            }
            headLength += length;
        }

        private void length(int value) {
            byte[] target = room(Integer.BYTES);
            target[headLength++] = (byte) value;
            target[headLength++] = (byte) (value >>> 8);
            target[headLength++] = (byte) (value >>> 16);
            target[headLength++] = (byte) (value >>> 24);
        }

        private byte[] room(int bytes) {
            if (headLength + bytes > head.length) {
                head = Arrays.copyOf(head, Math.max(headLength + bytes, head.length * 2));
            }
            return head;
        }
    }

    /** Makes a key that of an eligible request. */
    void derive(CacheRequest request, CacheKey into, Scratch scratch) {
        byte[] scope = begin(
                request.endpoint(),
                request.apiKey(),
                request.upstream(),
                request.query(),
                request.presetFingerprint(),
                scratch);
        finish(request.endpoint(), request.stream(), scope, request.body(), request.outgoing(), into, scratch);
    }

    /**
     * Begins a key: takes down everything but the body.
     *
     * @return the scope, which is the API key's as long as the process lives
     */
    byte[] begin(
            Endpoint endpoint,
            String apiKey,
            String upstream,
            String query,
            String presetFingerprint,
            Scratch scratch) {
        scratch.headLength = 0;
        scratch.head[scratch.headLength++] = KEY_VERSION;
        scratch.head[scratch.headLength++] = 0;
        byte[] scope = scope(apiKey);
        scratch.part(scope);
        scratch.part(endpoint.id());
        scratch.part(upstream);
        scratch.part(query);
        scratch.part(presetFingerprint);
        return scope;
    }

    /** What {@link #begin} took down for a request; the first {@link Scratch#headLength()} bytes. */
    static byte[] head(Scratch scratch) {
        return scratch.head;
    }

    /**
     * Ends what {@link #begin} began.
     *
     * @param body goes into the key
     * @param outgoing the same, or what a preset has made of it; says what the model is
     */
    static void finish(
            Endpoint endpoint,
            boolean stream,
            byte[] scope,
            RequestScan body,
            RequestScan outgoing,
            CacheKey into,
            Scratch scratch) {
        scratch.head[1] = (byte) (stream ? 1 : 0);
        // The model stands in the body, at one place at most that counts; hashing it twice would add nothing.
        scratch.length(body.normalisedLength());
        MessageDigest sha256 = scratch.sha256;
        sha256.reset();
        body.digest(sha256, scratch.head, scratch.headLength);
        scratch.head[1] = 0;
        try {
            sha256.digest(scratch.digest, 0, CacheKey.LENGTH);
        } catch (DigestException e) {
            throw new IllegalStateException(e);
        }
        into.set(endpoint, stream, scratch.digest, 0, scope, outgoing.modelTag());
    }

    /** What labels the entries of an API key: eight bytes of what stands for it in keys. */
    long scopeTag(String apiKey) {
        return (long) LONG.get(scope(apiKey), 0);
    }

    /** What stands for an API key in keys. */
    byte[] scope(String apiKey) {
        byte[] scope = scopes.get(apiKey);
        if (scope == null) {
            if (scopes.size() >= MAX_SCOPES) {
                scopes.clear();
            }
            scope = hmac(apiKey);
            scopes.put(apiKey, scope);
        }
        return scope;
    }

    private byte[] hmac(String apiKey) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(secret);
            return mac.doFinal(apiKey.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has HmacSHA256", e);
        }
    }
}
