package dev.refrain.engine;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The names of the namespaces in which answers were stored (wire rule W82). An entry has only a hash of the name. The
 * names are in the file {@code .namespaces} beside the store, one in each line. All processes append to it, up to
 * {@link #MOST} names, and none removes a name. Only the store knows which namespaces still have entries. Thread-safe.
 */
final class Namespaces {
    private static final Logger LOG = LoggerFactory.getLogger(Namespaces.class);

    /**
     * At most this many names are kept, since clients choose them. Further namespaces can be used and removed like the
     * others, but are not listed.
     */
    static final int MOST = 10_000;

    private static final long MOST_BYTES = 2L * MOST * 65;
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    /** The file of names; null for a store without a file. */
    private final Path file;

    private final Set<String> known = ConcurrentHashMap.newKeySet();

    /** @param store the store's file, or null if it has none */
    Namespaces(Path store) {
        file = store == null ? null : store.resolveSibling(store.getFileName() + ".namespaces");
        known.addAll(read());
    }

    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    /** 32 bits that stand for a namespace (FNV-1a); 0 for none. */
    static int tag(String name) {
        if (name == null) {
            return 0;
        }
        int hash = 0x811C9DC5;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x01000193;
        }
        return hash == 0 ? 1 : hash;
    }

    /** Records that an answer is stored in a namespace. Cheap if the namespace is known, or if there is none. */
    void note(String name) {
        if (name == null || known.contains(name) || known.size() >= MOST) {
            return;
        }
        // A name that comes from an archive may be malformed.
        if (!isName(name) || !known.add(name) || file == null) {
            return;
        }
        try {
            if (!Files.exists(file)) {
                create();
            }
            Files.writeString(file, name + "\n", StandardCharsets.US_ASCII, StandardOpenOption.APPEND);
        } catch (IOException e) {
            LOG.debug(
                    "The name of a namespace could not be written to its file, so it is not listed after a restart", e);
        }
    }

    private void create() throws IOException {
        FileAttribute<?>[] ownersOnly =
                file.getFileSystem().supportedFileAttributeViews().contains("posix")
                        ? new FileAttribute<?>[] {
                            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                        }
                        : new FileAttribute<?>[0];
        try {
            Files.createFile(file, ownersOnly);
        } catch (java.nio.file.FileAlreadyExistsException another) {
            // Another process has created the file meanwhile.
        }
    }

    /** All known names, including those that other processes with the same store have recorded; sorted. */
    Set<String> names() {
        Set<String> names = new TreeSet<>(known);
        for (String name : read()) {
            if (names.size() < MOST) {
                names.add(name);
            }
        }
        return names;
    }

    private Set<String> read() {
        Set<String> names = new TreeSet<>();
        try {
            if (file != null && Files.isRegularFile(file) && Files.size(file) <= MOST_BYTES) {
                for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
                    if (names.size() < MOST && isName(line)) {
                        names.add(line);
                    }
                }
            }
        } catch (IOException e) {
            LOG.debug("The names of namespaces could not be read", e);
        }
        return names;
    }
}
