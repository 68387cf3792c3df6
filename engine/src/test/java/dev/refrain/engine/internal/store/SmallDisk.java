package dev.refrain.engine.internal.store;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A disk of a few megabytes: a tmpfs, which can be mounted by root only; tests that need one are skipped otherwise. */
final class SmallDisk implements AutoCloseable {
    private final Path directory;

    SmallDisk(Path directory, int mebibytes) throws IOException {
        this.directory = Files.createDirectories(directory);
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=" + mebibytes + "m", "refrain-test", directory.toString()),
                "skipped: mounting a small tmpfs takes root on Linux");
    }

    Path resolve(String name) {
        return directory.resolve(name);
    }

    long free() throws IOException {
        return Files.getFileStore(directory).getUsableSpace();
    }

    /** Takes all room but the given bytes. */
    Path fill(long leave) throws IOException {
        Path filler = resolve("filler");
        byte[] page = new byte[4096];
        try (var out = Files.newOutputStream(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            for (long left = free() - leave; left > 0; left -= page.length) {
                out.write(page);
            }
        }
        return filler;
    }

    /** Makes it read-only or writable again. Returns false if the kernel refuses. */
    boolean remount(String mode) {
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

    @Override
    public void close() throws IOException {
        if (!run("umount", directory.toString())) {
            run("umount", "--lazy", directory.toString());
        }
    }
}
