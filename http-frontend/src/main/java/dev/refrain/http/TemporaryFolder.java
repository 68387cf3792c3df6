package dev.refrain.http;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the folder into which native libraries (SQLite's, LZ4's, jffi's) are unpacked before they are loaded. That is
 * {@code java.io.tmpdir}, or a folder beside the store if nothing can be unpacked and loaded there. Without this check,
 * each library would only report that it has no native code for this machine.
 */
final class TemporaryFolder {
    private static final Logger LOG = LoggerFactory.getLogger(TemporaryFolder.class);
    private static final String PROPERTY = "java.io.tmpdir";
    private static final String SUFFIX = ".native";

    private TemporaryFolder() {}

    /** Whether libraries can be unpacked into this JVM's folder for temporary files, and loaded from there. */
    static boolean isUsable() {
        return fault(Path.of(System.getProperty(PROPERTY))) == null;
    }

    /**
     * Makes sure that there is a usable folder, and logs if it is not the configured one. Call this before the JDK or a
     * library reads the property.
     */
    static void ensure(Path store) {
        Path given = Path.of(System.getProperty(PROPERTY));
        String fault = fault(given);
        if (fault == null) {
            return;
        }
        Path own = store.toAbsolutePath().resolveSibling(store.getFileName() + SUFFIX);
        String ownFault = make(own);
        if (ownFault == null) {
            System.setProperty(PROPERTY, own.toString());
            LOG.warn(
                    "java.io.tmpdir is {}, which {}; native libraries are unpacked into {} instead", given, fault, own);
        } else {
            LOG.warn(
                    "java.io.tmpdir is {}, which {}, and {} beside the store {}: there is no log of requests, and "
                            + "answers are compressed more slowly. Start java with -Djava.io.tmpdir=FOLDER, a folder "
                            + "where files can be run",
                    given,
                    fault,
                    own,
                    ownFault);
        }
    }

    private static String make(Path folder) {
        try {
            if (!Files.isDirectory(folder)) {
                Files.createDirectories(folder.getParent());
                Files.createDirectory(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            return fault(folder);
        } catch (IOException | UnsupportedOperationException e) {
            return "cannot be made (" + e + ")";
        }
    }

    /** What is wrong with a folder, or null. */
    private static String fault(Path folder) {
        if (!Files.isDirectory(folder)) {
            return "is no folder";
        }
        // Not Files.createTempFile, which reads the property only once in a JVM's life.
        Path probe = folder.resolve("refrain-" + ProcessHandle.current().pid() + "-" + System.nanoTime());
        try {
            Files.createFile(probe, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            try {
                // On a mount with noexec no file is executable, and Linux loads no library from it.
                return Files.isExecutable(probe) ? null : "is mounted noexec";
            } finally {
                Files.delete(probe);
            }
        } catch (UnsupportedOperationException noSuchPermissions) {
            return null;
        } catch (IOException e) {
            return "cannot be written (" + e + ")";
        }
    }
}
