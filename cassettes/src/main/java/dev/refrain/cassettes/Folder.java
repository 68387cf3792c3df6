package dev.refrain.cassettes;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A folder of recordings. A recording is found by the content of its file; the file's name is for people. Thread-safe;
 * several processes may write into the folder, since each file is replaced atomically.
 */
final class Folder {
    private static final Logger LOG = LoggerFactory.getLogger(Folder.class);

    private static final String ENDING = ".yaml";
    private static final String CONTENTS = "files";
    /** Beginning of the names of temporary files. Each file is written under such a name, and then renamed. */
    private static final String UNNAMED = ".refrain-";

    private static final String UNNAMED_ENDING = ".tmp";

    /** Age from which a temporary file counts as left by a program that was killed. */
    private static final Duration UNFINISHED = Duration.ofHours(1);

    /**
     * The file that tells Git not to convert line ends, as it does on Windows: each content must still match the digest
     * in its name.
     */
    private static final String ATTRIBUTES = ".gitattributes";

    private static final int MOST_FILES = 100_000;
    private static final int MOST_NAME = 40;
    private static final int SHORT_DIGEST = 12;

    /**
     * One recording in the folder.
     *
     * @param digest of the request, made with the key rules of this run
     * @param isFinal see {@link RecordedAnswer#isFinal}
     */
    record Entry(Path file, String digest, Endpoint endpoint, int attempt, boolean isFinal) {
        /** Whether the file's name contains the name of this model. */
        boolean isOf(String model) {
            return file.getFileName().toString().startsWith(endpoint.id() + "-" + safe(model) + "-");
        }
    }

    private final Path path;
    private final Map<Endpoint, KeyRules> rules;
    /** Recordings by the digest of their request, in the order of attempts. Guarded by this. */
    private final Map<String, List<Entry>> entries = new HashMap<>();

    private Folder(Path path, Map<Endpoint, KeyRules> rules) {
        this.path = path;
        this.rules = rules;
    }

    /**
     * Opens a folder and reads all of it, so that damage is found at the start.
     *
     * @param rules which members of requests are ignored
     * @throws DamagedRecordingException if a file is damaged
     */
    static Folder open(Path path, Map<Endpoint, KeyRules> rules) throws IOException {
        Folder folder = new Folder(path, rules);
        if (Files.isDirectory(path)) {
            folder.sweep();
            for (Path file : folder.files()) {
                try {
                    folder.add(folder.entry(file, folder.load(file)));
                } catch (NoSuchFileException e) {
                    LOG.debug("{} has been removed by another program", file);
                }
            }
        }
        return folder;
    }

    /** Removes temporary files of programs that were killed. */
    private void sweep() throws IOException {
        FileTime old = FileTime.from(Instant.now().minus(UNFINISHED));
        try (DirectoryStream<Path> left = Files.newDirectoryStream(path, UNNAMED + "*" + UNNAMED_ENDING)) {
            for (Path file : left) {
                try {
                    if (Files.getLastModifiedTime(file).compareTo(old) < 0) {
                        Files.deleteIfExists(file);
                    }
                } catch (IOException e) {
                    LOG.debug("{} could not be removed", file, e);
                }
            }
        }
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(path)) {
            List<Path> recordings = files.filter(
                            file -> file.getFileName().toString().endsWith(ENDING))
                    .limit(MOST_FILES + 1L)
                    .sorted()
                    .toList();
            if (recordings.size() > MOST_FILES) {
                throw new IOException(path + " has more than " + MOST_FILES + " recordings; use several folders");
            }
            return recordings;
        }
    }

    Path path() {
        return path;
    }

    /** The digest of a request. Requests with equal digests share their recordings. */
    String digest(RecordedRequest request) {
        return request.digest(rules.getOrDefault(request.endpoint(), KeyRules.NONE));
    }

    /** The recordings of a request, in the order of attempts. */
    synchronized List<Entry> find(String digest) {
        return List.copyOf(entries.getOrDefault(digest, List.of()));
    }

    /** All recordings, in no order. */
    synchronized List<Entry> all() {
        return entries.values().stream().flatMap(List::stream).toList();
    }

    private synchronized void add(Entry entry) {
        List<Entry> attempts = entries.computeIfAbsent(entry.digest(), digest -> new ArrayList<>());
        attempts.removeIf(other -> other.file().equals(entry.file()));
        attempts.add(entry);
        attempts.sort(Comparator.comparingInt(Entry::attempt));
    }

    private Entry entry(Path file, Recording recording) {
        RecordedRequest request = recording.request();
        return new Entry(
                file,
                digest(request),
                request.endpoint(),
                recording.attempt(),
                recording.answer().isFinal());
    }

    Recording load(Path file) throws IOException {
        long size = Files.size(file);
        if (size > RecordingFile.MOST_BYTES) {
            throw new DamagedRecordingException(
                    file, 0, "is longer than " + RecordingFile.MOST_BYTES + " bytes, which no recording is");
        }
        try {
            // Restores the line ends, which version control may have changed.
            String text = Files.readString(file).replace("\r\n", "\n");
            return RecordingFile.read(file, text, contents);
        } catch (CharacterCodingException e) {
            throw new DamagedRecordingException(file, 0, "is not UTF-8");
        }
    }

    /** Writes a recording in place of an earlier one of the same request and attempt. */
    Entry save(Recording recording) throws IOException {
        Files.createDirectories(path);
        String digest = digest(recording.request());
        Path file = find(digest).stream()
                .filter(entry -> entry.attempt() == recording.attempt())
                .map(Entry::file)
                .findFirst()
                .orElseGet(() -> path.resolve(name(recording, digest)));
        String text = RecordingFile.write(recording, contents);
        // A recording counts only if it can be read back.
        Recording read = RecordingFile.read(file, text, contents);
        if (!Arrays.equals(read.answer().body(), recording.answer().body())) {
            throw new IOException("the answer could not be written so that it comes back byte for byte");
        }
        replace(file, text.getBytes(StandardCharsets.UTF_8));
        Entry entry = entry(file, recording);
        add(entry);
        return entry;
    }

    /** Removes an earlier run's recordings of a request that come after the given attempt. */
    void removeBehind(String digest, int attempt) throws IOException {
        for (Entry entry : find(digest)) {
            if (entry.attempt() > attempt) {
                Files.deleteIfExists(entry.file());
                synchronized (this) {
                    entries.get(digest).remove(entry);
                }
            }
        }
    }

    /**
     * A model's name as part of a file's name: without separators and colons, and in lower case, since some file
     * systems ignore case.
     */
    private static String safe(String model) {
        String safe = model.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9._-]+", "-");
        return safe.length() > MOST_NAME ? safe.substring(0, MOST_NAME) : safe;
    }

    private static String name(Recording recording, String digest) {
        RecordedRequest request = recording.request();
        String model = request.model().isEmpty() ? request.deployment() : request.model();
        String cut = safe(model);
        return request.endpoint().id() + "-" + (cut.isEmpty() ? "" : cut + "-") + digest.substring(0, SHORT_DIGEST)
                + (recording.attempt() > 1 ? "-" + recording.attempt() : "") + ENDING;
    }

    /** Replaces a file atomically where the file system can. */
    private void replace(Path file, byte[] bytes) throws IOException {
        Path temporary = path.resolve(UNNAMED + UUID.randomUUID() + UNNAMED_ENDING);
        try {
            Files.write(temporary, bytes);
            try {
                Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private final RecordingFile.Contents contents = new RecordingFile.Contents() {
        @Override
        public String put(byte[] bytes) throws IOException {
            String sha256 = RecordingFile.sha256(bytes);
            Path file = file(sha256);
            if (!Files.exists(file)) {
                Files.createDirectories(file.getParent());
                replace(file, bytes);
            }
            Path attributes = file.resolveSibling(ATTRIBUTES);
            if (!Files.exists(attributes)) {
                replace(attributes, "* -text\n".getBytes(StandardCharsets.UTF_8));
            }
            return sha256;
        }

        @Override
        public byte[] get(String sha256) throws IOException {
            Path file = file(sha256);
            try {
                if (Files.size(file) > RecordingFile.MOST_BYTES) {
                    throw new DamagedRecordingException(file, 0, "is longer than any content of a recording");
                }
                byte[] bytes = Files.readAllBytes(file);
                if (!RecordingFile.sha256(bytes).equals(sha256)) {
                    throw new DamagedRecordingException(file, 0, "its SHA-256 is not its name; record it anew");
                }
                return bytes;
            } catch (NoSuchFileException e) {
                throw new IOException("there is no " + file, e);
            }
        }

        private Path file(String sha256) {
            return path.resolve(CONTENTS).resolve(sha256);
        }
    };
}
