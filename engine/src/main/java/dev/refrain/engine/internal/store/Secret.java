package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;

/**
 * The file of the installation secret: 32 random bytes and nothing else. Used under the gate of the
 * {@link LockFile} only.
 */
final class Secret {
    static final int LENGTH = 32;
    private static final byte[] CHECK_TAG = "refrain secret".getBytes(StandardCharsets.US_ASCII);

    private Secret() {}

    /** The secret, or null if the file is missing or has another length. */
    static byte[] read(Path file) throws IOException {
        if (!Files.exists(file)) {
            return null;
        }
        OwnerOnly.createFile(file);
        byte[] secret = Files.readAllBytes(file);
        return secret.length == LENGTH ? secret : null;
    }

    /** A digest that tells secrets apart but reveals nothing about them. */
    static long check(byte[] secret) {
        try {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            sha256.update(CHECK_TAG);
            return ByteBuffer.wrap(sha256.digest(secret))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .getLong();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("Every JDK has SHA-256", e);
        }
    }

    /** The file to which a new secret is written first. */
    static Path draft(Path file) {
        return file.resolveSibling(file.getFileName() + ".new");
    }

    /**
     * Makes a new secret in the draft file, from where {@link #adopt} moves it to its place.
     *
     * @param given the secret to use; null for a random one
     */
    static byte[] create(Path file, byte[] given) throws IOException {
        byte[] secret = given == null ? new byte[LENGTH] : given.clone();
        if (given == null) {
            new SecureRandom().nextBytes(secret);
        }
        Path fresh = draft(file);
        Files.deleteIfExists(fresh);
        OwnerOnly.createFile(fresh);
        Files.write(fresh, secret, StandardOpenOption.SYNC);
        return secret;
    }

    /** Replaces the secret by the draft, if there is a draft. The move is atomic. */
    static void adopt(Path file) throws IOException {
        if (Files.exists(draft(file))) {
            Files.move(draft(file), file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
