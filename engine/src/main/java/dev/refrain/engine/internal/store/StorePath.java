package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Resolves the path of a store's file, including symbolic links. Stateless. */
final class StorePath {
    /** Linux's own limit on symbolic links in a path. */
    private static final int MAX_LINKS = 40;

    private StorePath() {}

    /**
     * The real path of a store's file. Makes the folder if it is missing.
     *
     * @throws IOException if there cannot be a store at this path; the message says what to do
     */
    static Path usable(Path path) throws IOException {
        Path absolute = target(path.toAbsolutePath());
        if (Files.isDirectory(absolute)) {
            throw new IOException("The store must be a file, but " + absolute + " is a directory; name a file in it");
        }
        OwnerOnly.createDirectories(absolute.getParent());
        // Each file must have one name, with or without symbolic links, because claims, locks and Chronicle
        // Map compare names.
        Path real = Files.exists(absolute)
                ? absolute.toRealPath()
                : absolute.getParent().toRealPath().resolve(absolute.getFileName());
        if (!Files.isWritable(real.getParent())
                || (Files.exists(real) && !(Files.isReadable(real) && Files.isWritable(real)))) {
            throw new IOException("No permission to read and write the store " + real + " and files beside it");
        }
        return real;
    }

    /** Follows symbolic links to a target that does not exist yet. */
    private static Path target(Path path) throws IOException {
        Path target = path;
        for (int i = 0; i < MAX_LINKS && Files.isSymbolicLink(target) && !Files.exists(target); i++) {
            target = target.resolveSibling(Files.readSymbolicLink(target));
        }
        if (Files.isSymbolicLink(target) && !Files.exists(target)) {
            throw new IOException("The store " + path + " is a symbolic link that leads nowhere; mend or remove it");
        }
        return target;
    }

    /** A file beside the store. */
    static Path sibling(Path file, String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }
}
