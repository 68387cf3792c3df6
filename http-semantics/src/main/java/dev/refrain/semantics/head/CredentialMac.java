package dev.refrain.semantics.head;

import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;

/**
 * Recognises earlier credentials without keeping them (wire rule W15): SHA-256 over a random key of this process,
 * followed by the credentials. No value leaves the process, so length extension is no threat, and HMAC's second pass,
 * which would double the cost, is not needed. Not thread-safe.
 */
public final class CredentialMac {
    private static final int LENGTH = 32;
    private static final byte[] KEY = new byte[LENGTH];

    static {
        new SecureRandom().nextBytes(KEY);
    }

    private final MessageDigest sha256;
    private final byte[] value = new byte[LENGTH];

    /** Creates an instance, for one thread. */
    public CredentialMac() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Begins a new value. */
    public void begin() {
        sha256.reset();
        sha256.update(KEY);
    }

    /** Adds bytes, of which no copy is kept. */
    public void add(byte[] bytes, int from, int to) {
        sha256.update(bytes, from, to - from);
    }

    /** The value of all that was added: 32 bytes, valid until the next call. */
    public byte[] end() {
        try {
            sha256.digest(value, 0, LENGTH);
            // Otherwise the digest would keep the last block.
            sha256.reset();
            return value;
        } catch (DigestException e) {
            throw new IllegalStateException(e);
        }
    }
}
