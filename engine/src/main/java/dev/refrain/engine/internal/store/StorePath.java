package dev.refrain.engine.internal.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where a store's file is, whatever links lead there. Stateless. */
final class StorePath {
    /** Linux's own limit on symbolic links in a path. */
    private static final int MAX_LINKS = 40;

    private StorePath() {}

    /**
     * The one name of a store's file, in a folder that exists then.
     *
     * @throws IOException if no store can be there; the message says what to do
     */
    static Path usable(Path path) throws IOException {
        Path absolute = target(path.toAbsolutePath());
        if (Files.isDirectory(absolute)) {
            throw new IOException("The store must be a file, but " + absolute + " is a directory; name a file in it");
        }
        OwnerOnly.createDirectories(absolute.getParent());
        // One name for one file, symbolic links or not. Claims, locks and Chronicle Map use it.
        Path real = Files.exists(absolute)
                ? absolute.toRealPath()
                : absolute.getParent().toRealPath().resolve(absolute.getFileName());
        if (!Files.isWritable(real.getParent())
                || (Files.exists(real) && !(Files.isReadable(real) && Files.isWritable(real)))) {
            throw new IOException("No permission to read and write the store " + real + " and files beside it");
        }
        return real;
    }

    /** The target of a symbolic link whose target does not exist yet. */
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
