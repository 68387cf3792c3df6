package dev.refrain.jmh;

import java.security.DigestException;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.zip.CRC32C;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The two digests that a hit needs, computed by the JDK. */
@State(Scope.Thread)
public class Digests {
    private final CRC32C crc = new CRC32C();
    private final byte[] digest = new byte[32];
    private final MessageDigest sha256;

    public Digests() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** The digest; valid until the next call. */
    byte[] sha256(byte[] bytes) {
        sha256.update(bytes, 0, bytes.length);
        try {
            sha256.digest(digest, 0, digest.length);
        } catch (DigestException e) {
            throw new IllegalStateException(e);
        }
        return digest;
    }

    long crc32c(byte[] bytes) {
        crc.reset();
        crc.update(bytes, 0, bytes.length);
        return crc.getValue();
    }
}
