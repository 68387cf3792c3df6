package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;

/** The file of the installation secret: 32 random bytes and nothing else. Used under the gate of the {@link LockFile} only. */
final class Secret {
    private static final int LENGTH = 32;

    private Secret() {}

    /** The secret, or null if there is none or it cannot be one. */
    static byte[] read(Path file) throws IOException {
        if (!Files.exists(file)) {
            return null;
        }
        OwnerOnly.createFile(file);
        byte[] secret = Files.readAllBytes(file);
        return secret.length == LENGTH ? secret : null;
    }

    /** Makes a new secret in place of an older one. The file is there as a whole or not at all. */
    static byte[] create(Path file) throws IOException {
        byte[] secret = new byte[LENGTH];
        new SecureRandom().nextBytes(secret);
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        OwnerOnly.createFile(fresh);
        Files.write(fresh, secret, StandardOpenOption.SYNC);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return secret;
    }
}
