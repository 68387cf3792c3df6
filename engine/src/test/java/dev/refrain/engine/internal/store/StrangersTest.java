package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.ForeignFileException;
import dev.refrain.testing.CapturedLog;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.TreeMap;
import net.openhft.chronicle.map.ChronicleMap;
import net.openhft.chronicle.map.ChronicleMapBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Fault F23: files that do not belong to the store stay as they are, byte for byte, with times and permissions. */
class StrangersTest {
    private static final long CAPACITY = 16L << 20;
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-22T10:15:30Z"), ZoneOffset.UTC);

    @TempDir
    Path directory;

    private final CapturedLog log = new CapturedLog(ChronicleStore.class.getName());

    @AfterEach
    void closeLog() {
        log.close();
    }

    private ChronicleStore open(String name) throws IOException {
        return ChronicleStore.open(directory.resolve(name), CAPACITY, CLOCK);
    }

    /** Name, content, times and permissions of every file. */
    private Map<String, String> everything() throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (var paths = Files.walk(directory)) {
            for (Path path : paths.filter(path -> !path.equals(directory)).toList()) {
                String content = Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)
                        ? java.util.Arrays.hashCode(Files.readAllBytes(path)) + " " + Files.size(path) + " "
                                + Files.getLastModifiedTime(path)
                        : Files.isSymbolicLink(path) ? "link to " + Files.readSymbolicLink(path) : "directory";
                files.put(
                        directory.relativize(path).toString(),
                        content + " "
                                + PosixFilePermissions.toString(
                                        Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS)));
            }
        }
        return files;
    }

    private void assertRefused(String name, String offender) throws IOException {
        Map<String, String> before = everything();
        assertThatThrownBy(() -> open(name))
                .isInstanceOf(ForeignFileException.class)
                .hasMessageContaining(directory.resolve(offender).toString())
                .hasMessageContaining("Name another file for the store, or move this one away");
        assertThat(everything()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "model: gpt\nkey: value\n", "Dear diary"})
    void f23_aFileOfSomethingElseIsRefused(String content) throws IOException {
        Files.writeString(directory.resolve("precious.bin"), content.repeat(100));
        assertRefused("precious.bin", "precious.bin");
    }

    @Test
    void f23_aFileOfTheSizeOfAStoreIsRefused() throws IOException {
        try (RandomAccessFile file =
                new RandomAccessFile(directory.resolve("precious.bin").toFile(), "rw")) {
            file.setLength(16_769_024);
            file.write("precious".getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        assertRefused("precious.bin", "precious.bin");
    }

    @Test
    void f23_theMapOfAnotherProductIsRefused() throws IOException {
        Path file = directory.resolve("other.map");
        try (ChronicleMap<Long, Long> other =
                ChronicleMapBuilder.of(Long.class, Long.class).entries(100).createPersistedTo(file.toFile())) {
            other.put(1L, 2L);
        }
        assertRefused("other.map", "other.map");
    }

    /**
     * A file of this length may be anything. If the store's record is beside the file, the file is moved aside
     * unchanged, and then left alone.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void f23_aFileOfExactlyTheStoresLengthIsKeptWhole(boolean hasSecret) throws IOException {
        open("answers").close();
        Path file = directory.resolve("answers");
        byte[] diary = new byte[(int) Files.size(file)];
        java.util.Arrays.fill(diary, (byte) 'd');
        Files.delete(file);
        Files.write(file, diary);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
        if (!hasSecret) {
            Files.delete(directory.resolve("answers.secret"));
        }
        open("answers").close();
        Path kept = directory.resolve("answers.unknown-20261122T101530Z");
        assertThat(log.lines()).singleElement().asString().contains(kept.toString());
        // The file that was kept also stays when a damaged map is set aside later.
        try (RandomAccessFile map = new RandomAccessFile(file.toFile(), "rw")) {
            map.setLength(20_000);
        }
        open("answers").close();
        assertThat(Files.readAllBytes(kept)).isEqualTo(diary);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(kept)))
                .isEqualTo("rw-r-----");
    }

    @Test
    void f23_aFileThatReplacedTheStoreIsRefused() throws IOException {
        open("answers").close();
        Files.delete(directory.resolve("answers"));
        Files.writeString(directory.resolve("answers"), "Dear diary");
        assertRefused("answers", "answers");
    }

    @ParameterizedTest
    @ValueSource(strings = {".lock", ".secret", ".new", ".secret.new"})
    void f23_directoriesAreRefused(String suffix) throws IOException {
        Files.createDirectory(directory.resolve("answers" + suffix));
        assertRefused("answers", "answers" + suffix);
    }

    @ParameterizedTest
    @ValueSource(strings = {".lock", ".secret", ".new", ".secret.new"})
    void f23_filesBesideAStoreAreNotOverwritten(String suffix) throws IOException {
        Files.writeString(directory.resolve("answers" + suffix), "Dear diary, this was a long day.".repeat(9));
        assertRefused("answers", "answers" + suffix);
    }

    @Test
    void f23_aSecretWithoutAStoreIsNotOverwritten() throws IOException {
        Files.writeString(directory.resolve("answers.secret"), "x".repeat(32));
        assertRefused("answers", "answers.secret");
    }

    @Test
    void f23_aPipeIsRefusedAndNotWaitedFor() throws Exception {
        assumeTrue(new ProcessBuilder("mkfifo", directory.resolve("pipe").toString())
                        .start()
                        .waitFor()
                == 0);
        assertThatThrownBy(() -> open("pipe"))
                .isInstanceOf(ForeignFileException.class)
                .hasMessageContaining("is not a regular file");
    }

    @Test
    void f23_aFileNamedAlmostLikeASetAsideStoreStays() throws IOException {
        try (ChronicleStore store = open("answers")) {
            store.put(key(1), entry(1, 0, 200));
        }
        Path notes = Files.writeString(directory.resolve("answers.damaged-notes.txt"), "what happened");
        Path taken = Files.createDirectory(directory.resolve("answers.damaged-20261122T000000Z"));
        try (RandomAccessFile file =
                new RandomAccessFile(directory.resolve("answers").toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        open("answers").close();
        assertThat(notes).hasContent("what happened");
        assertThat(taken).isDirectory();
        assertThat(directory.resolve("answers.damaged-20261122T101530Z")).exists();
    }

    /** A link to a file that does not exist yet also stays a link. */
    @Test
    void aSymbolicLinkIsFollowed() throws IOException {
        Path link = directory.resolve("link");
        Files.createDirectory(directory.resolve("disk"));
        Files.createSymbolicLink(link, Path.of("disk/answers"));
        for (int i = 0; i < 2; i++) {
            try (ChronicleStore store = open("link")) {
                assertThat(store.get(key(1), new EntryBuffer(16))).isEqualTo(i == 1);
                store.put(key(1), entry(1, 0, 200));
            }
            assertThat(link).isSymbolicLink();
            assertThat(directory.resolve("disk/answers.lock")).exists();
        }
        Files.createSymbolicLink(directory.resolve("loop"), Path.of("loop"));
        assertThatThrownBy(() -> open("loop")).isInstanceOf(IOException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"Antworten für alle", "a%20b", "a'b\"c", "-answers", "é\u0301\uD83D\uDE00", "a\nb", "[x](y)*?"})
    void filesMayHaveOddNames(String name) throws IOException {
        for (int i = 0; i < 2; i++) {
            try (ChronicleStore store = open(name)) {
                assertThat(store.get(key(1), new EntryBuffer(16))).isEqualTo(i == 1);
                store.put(key(1), entry(1, 0, 200));
            }
        }
        assertThat(directory.resolve(name + ".lock")).exists();
    }
}
