package dev.refrain.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A disk of a few megabytes: a tmpfs, which only root on Linux can mount. Elsewhere, a test that needs one is skipped.
 * Used by one thread.
 */
public final class SmallDisk implements AutoCloseable {
    private final Path directory;

    /** Mounts the disk at a directory, which is made if it does not exist. */
    public SmallDisk(Path directory, int mebibytes) throws IOException {
        this.directory = Files.createDirectories(directory);
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "refrain-test", directory.toString()),
                "skipped: mounting a small tmpfs takes root on Linux");
    }

    /** A path on the disk. */
    public Path resolve(String name) {
        return directory.resolve(name);
    }

    /** Free bytes. */
    public long free() throws IOException {
        return Files.getFileStore(directory).getUsableSpace();
    }

    /**
     * Fills the disk with a file until only the given number of bytes is free, and returns the file. Others may write
     * to the disk meanwhile.
     */
    public Path fill(long leave) throws IOException {
        Path filler = resolve("filler");
        byte[] page = new byte[4096];
        try (var out = Files.newOutputStream(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            for (long left = free() - leave; left > 0; left = free() - leave) {
                for (long written = 0; written < left; written += page.length) {
                    out.write(page);
                }
            }
        } catch (IOException full) {
            if (free() >= page.length) {
                throw full;
            }
        }
        return filler;
    }

    /** Remounts the disk read-only or writable. Returns false if the kernel refuses. */
    public boolean remount(String mode) {
        return run("mount", "-o", "remount," + mode, directory.toString());
    }

    private static boolean run(String... command) {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .onExit()
                            .join()
                            .exitValue()
                    == 0;
        } catch (IOException noSuchCommand) {
            return false;
        }
    }

    /** Unmounts the disk, at once or when its last open file is closed. */
    @Override
    public void close() {
        if (!run("umount", directory.toString())) {
            run("umount", "--lazy", directory.toString());
        }
    }
}
