package dev.refrain.engine.internal.archive;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;

/**
 * The files of an archive. Only their owner can read them. Each is written under another name and renamed when it
 * is whole. Immutable.
 */
final class ArchiveFolder {
    private static final String MANIFEST = "archive.json";
    private static final String UNFINISHED = ".unfinished";

    private final Path path;

    ArchiveFolder(Path path) {
        this.path = path;
    }

    Path path() {
        return path;
    }

    Path part(int number) {
        return path.resolve(String.format(Locale.ROOT, "part-%04d.refrain", number));
    }

    boolean has(int part) {
        return Files.isRegularFile(part(part));
    }

    /** Makes the folder, unless it exists. */
    void make() throws IOException {
        if (!Files.isDirectory(path)) {
            Files.createDirectories(path, ownersOnly("rwx------"));
        }
    }

    /** Whether the folder is empty, apart from an unfinished manifest that a killed run has left. */
    boolean isEmpty() throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
            for (Path file : files) {
                if (!file.getFileName().toString().equals(MANIFEST + UNFINISHED)) {
                    return false;
                }
            }
            return true;
        }
    }

    /** The manifest, or null if there is none. */
    Manifest manifest() throws IOException {
        Path file = path.resolve(MANIFEST);
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try {
            if (Files.size(file) > Manifest.MOST_BYTES) {
                throw new IOException("is too long");
            }
            return Manifest.read(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new IOException(file + " " + e.getMessage(), e);
        }
    }

    void write(Manifest manifest) throws IOException {
        Path unfinished = unfinished(path.resolve(MANIFEST));
        Files.write(unfinished, manifest.write());
        finish(path.resolve(MANIFEST));
    }

    /** Makes an empty file under another name. {@link #finish} renames it to the given name. */
    Path unfinished(Path file) throws IOException {
        Path unfinished = file.resolveSibling(file.getFileName() + UNFINISHED);
        Files.deleteIfExists(unfinished);
        return Files.createFile(unfinished, ownersOnly("rw-------"));
    }

    void finish(Path file) throws IOException {
        Path unfinished = file.resolveSibling(file.getFileName() + UNFINISHED);
        try (FileChannel channel = FileChannel.open(unfinished, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        try {
            Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(unfinished, file, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private FileAttribute<?>[] ownersOnly(String permissions) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }
}
