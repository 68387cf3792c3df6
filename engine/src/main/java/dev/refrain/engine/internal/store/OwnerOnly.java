package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes files and directories that only their owner may access, on file systems with owners. */
final class OwnerOnly {
    private static final Pattern SPACE = Pattern.compile("\\s+");
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);
    private static final Set<PosixFilePermission> FILE = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> DIRECTORY = PosixFilePermissions.fromString("rwx------");

    private OwnerOnly() {}

    /** Makes missing directories; existing ones keep their permissions. */
    static void createDirectories(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(directory, attributes(directory, DIRECTORY));
        }
    }

    /** Makes an empty file, or narrows the permissions of an existing one. */
    static void createFile(Path file) throws IOException {
        if (!Files.exists(file)) {
            try {
                Files.createFile(file, attributes(file, FILE));
            } catch (FileAlreadyExistsException e) {
                LOG.debug("Another process has created {} meanwhile", file, e);
            }
        } else if (isPosix(file) && !Files.getPosixFilePermissions(file).equals(FILE)) {
            Files.setPosixFilePermissions(file, FILE);
        }
    }

    /**
     * Refuses a file of another account. That account could not use the files that this process would make beside it.
     *
     * @param account account of this process; -1 if it is not known
     */
    static void requireOwner(Path file, int account) throws IOException {
        if (account < 0 || !Files.exists(file) || !isPosix(file)) {
            return;
        }
        if (!Integer.valueOf(account).equals(Files.getAttribute(file, "unix:uid"))) {
            String owner = Files.getOwner(file).getName();
            throw new IOException("The store " + file + " belongs to " + owner + "; run this as that account: sudo -u "
                    + owner + " ...");
        }
    }

    /** The effective user id of this process; -1 where {@code /proc} does not tell. */
    static int account() {
        Path status = Path.of("/proc/self/status");
        try {
            for (String line : Files.readAllLines(status, StandardCharsets.ISO_8859_1)) {
                if (line.startsWith("Uid:")) {
                    // The columns are the real, effective, saved and file system id.
                    return Integer.parseInt(SPACE.split(line, -1)[2]);
                }
            }
        } catch (IOException | NumberFormatException | ArrayIndexOutOfBoundsException e) {
            LOG.debug("The account of this process is not known", e);
        }
        return -1;
    }

    private static FileAttribute<?>[] attributes(Path path, Set<PosixFilePermission> permissions) {
        return isPosix(path)
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(permissions)}
                : new FileAttribute<?>[0];
    }

    private static boolean isPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }
}
