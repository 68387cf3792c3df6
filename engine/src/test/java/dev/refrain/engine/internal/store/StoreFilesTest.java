package dev.refrain.engine.internal.store;

import static dev.refrain.engine.internal.store.TestEntries.NEVER;
import static dev.refrain.engine.internal.store.TestEntries.entry;
import static dev.refrain.engine.internal.store.TestEntries.isGenuine;
import static dev.refrain.engine.internal.store.TestEntries.key;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.ForeignFileException;
import dev.refrain.testing.CapturedLog;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Opening: whatever state the files are in, the outcome is a usable store or an error that says what to do. Long, since
 * each state of the files has a test.
 */
class StoreFilesTest {
    private static final long CAPACITY = 16L << 20;
    private static final int ENTRIES = 500;
    private static final Duration BOUND = Duration.ofSeconds(10);
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2026-11-22T10:15:30Z"), ZoneOffset.UTC);

    @TempDir
    Path directory;

    private Path file;
    private final EntryBuffer found = new EntryBuffer(16);
    private final CapturedLog log = new CapturedLog(ChronicleStore.class.getName());

    @AfterEach
    void closeLog() {
        log.close();
    }

    @BeforeEach
    void nameFile() {
        file = directory.resolve("answers.refrain");
    }

    private ChronicleStore open() throws IOException {
        return open(CAPACITY);
    }

    private ChronicleStore open(long capacity) throws IOException {
        return ChronicleStore.open(file, capacity, CLOCK);
    }

    /** Creates a store with entries, some of them large, and closes it. Returns its secret. */
    private byte[] fill() throws IOException {
        try (ChronicleStore store = open()) {
            for (int i = 0; i < ENTRIES; i++) {
                assertThat(store.put(key(i), entry(i, 0, i % 50 == 0 ? 100_000 : 2_000)))
                        .isTrue();
            }
            return store.secret();
        }
    }

    private int readable(ChronicleStore store) {
        int readable = 0;
        for (int i = 0; i < ENTRIES; i++) {
            if (store.get(key(i), found)) {
                assertThat(isGenuine(i, found)).isTrue();
                readable++;
            }
        }
        return readable;
    }

    private List<Path> setAside() throws IOException {
        try (var files = Files.list(directory)) {
            return files.filter(path -> path.getFileName().toString().contains(".damaged-"))
                    .toList();
        }
    }

    /** Expects a fresh store that works, with a new secret, and the damaged file kept. */
    private void assertStartsAfresh(byte[] oldSecret, String reason) throws IOException {
        long start = System.nanoTime();
        try (ChronicleStore store = open()) {
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(BOUND);
            assertThat(store.secret()).isNotEqualTo(oldSecret);
            assertThat(store.stats().entries()).isZero();
            assertThat(store.put(key(1), entry(1, 0, 2_000))).isTrue();
            assertThat(store.get(key(1), found)).isTrue();
        }
        assertThat(setAside()).hasSize(1);
        assertThat(setAside().get(0)).hasFileName("answers.refrain.damaged-20261122T101530Z");
        assertThat(log.lines())
                .singleElement()
                .asString()
                .startsWith("WARNING The store " + file + " cannot be used: ")
                .contains(reason, " is kept as " + setAside().get(0));
    }

    @Test
    void aCleanlyClosedStoreServesEverythingAgain() throws IOException {
        byte[] secret = fill();
        for (int i = 0; i < 2; i++) {
            try (ChronicleStore store = open()) {
                assertThat(store.secret()).isEqualTo(secret);
                assertThat(store.stats().entries()).isEqualTo(ENTRIES);
                assertThat(readable(store)).isEqualTo(ENTRIES);
            }
        }
        assertThat(setAside()).isEmpty();
    }

    @Test
    void onlyTheOwnerMayReadTheFiles() throws IOException {
        assumeTrue(file.getFileSystem().supportedFileAttributeViews().contains("posix"));
        file = directory.resolve("new/answers.refrain");
        fill();
        try (var files = Files.list(file.getParent())) {
            assertThat(files)
                    .hasSize(3)
                    .allSatisfy(path -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                            .isEqualTo("rw-------"));
        }
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file.getParent())))
                .isEqualTo("rwx------");
    }

    @Test
    void loosePermissionsAreNarrowed() throws IOException {
        assumeTrue(file.getFileSystem().supportedFileAttributeViews().contains("posix"));
        fill();
        Path secret = directory.resolve("answers.refrain.secret");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("rw-r--r--"));
        open().close();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(secret)))
                .isEqualTo("rw-------");
    }

    @Test
    void anEmptyFileInPlaceOfAStoreIsSetAside() throws IOException {
        byte[] secret = fill();
        Files.write(file, new byte[0]);
        assertStartsAfresh(secret, "it is 0 bytes long");
    }

    @Test
    void aTruncatedFileIsSetAside() throws IOException {
        byte[] secret = fill();
        try (RandomAccessFile raf = new RandomAccessFile(file.toFile(), "rw")) {
            raf.setLength(raf.length() / 2);
        }
        assertStartsAfresh(secret, "bytes long instead of 16769024");
    }

    @Test
    void aFileWithADamagedHeaderIsSetAside() throws IOException {
        byte[] secret = fill();
        overwrite(file, 40, new byte[] {42, 42, 42, 42});
        assertStartsAfresh(secret, "its header is damaged");
    }

    /** Changes a digit of each number, once with the lock file's copy of the header and once without it. */
    @Test
    void f51_noDigitOfTheHeaderIsTrusted() throws IOException {
        byte[] secret = fill();
        byte[] lock = Files.readAllBytes(directory.resolve("answers.refrain.lock"));
        byte[] map = Files.readAllBytes(file);
        String text = new String(map, 0, 1_900, StandardCharsets.ISO_8859_1);
        for (String field :
                List.of("actualSegments: ", "segmentHeaderSize: ", "tierSize: ", "tierHashLookupOuterSize: ")) {
            for (boolean hasRecord : new boolean[] {true, false}) {
                Files.write(file, map);
                Files.write(directory.resolve("answers.refrain.secret"), secret);
                Files.write(directory.resolve("answers.refrain.lock"), hasRecord ? lock : new byte[0]);
                int at = text.indexOf(field) + field.length();
                overwrite(file, at, new byte[] {(byte) (map[at] == '9' ? '8' : map[at] + 1)});
                try (ChronicleStore store = open()) {
                    assertThat(store.stats().entries()).isZero();
                }
            }
        }
    }

    /** Neither the damaged file nor the files beside it show that it was a store. */
    @Test
    void aDamagedHeaderWithoutARecordIsRefused() throws IOException {
        fill();
        Files.delete(directory.resolve("answers.refrain.lock"));
        overwrite(file, 40, new byte[] {42, 42, 42, 42});
        byte[] damaged = Files.readAllBytes(file);
        assertThatThrownBy(this::open)
                .isInstanceOf(ForeignFileException.class)
                .hasMessageContaining(file + " is not a store");
        assertThat(file).hasBinaryContent(damaged);
    }

    @Test
    void anOtherFormatIsSetAside() throws IOException {
        byte[] secret = fill();
        // The version follows the record's magic number, which is at offset 8.
        overwrite(directory.resolve("answers.refrain.lock"), 16, new byte[] {9, 0, 0, 0});
        assertStartsAfresh(secret, "it has format 9 instead of 3");
    }

    @Test
    void aMapOfAnotherSecretIsSetAside() throws IOException {
        fill();
        byte[] other = new byte[32];
        Files.write(directory.resolve("answers.refrain.secret"), other);
        assertStartsAfresh(other, "its keys were made with another secret");
    }

    @Test
    void aDamagedRecordMeansADamagedMap() throws IOException {
        byte[] secret = fill();
        overwrite(directory.resolve("answers.refrain.lock"), 40, new byte[] {1, 2, 3, 4});
        assertStartsAfresh(secret, "answers.refrain.lock is damaged");
    }

    @Test
    void onlyOneDamagedFileIsKept() throws IOException {
        fill();
        Files.write(directory.resolve("answers.refrain.damaged-20250101T000000Z"), new byte[100]);
        byte[] secret = Files.readAllBytes(directory.resolve("answers.refrain.secret"));
        Files.write(file, new byte[0]);
        assertStartsAfresh(secret, "it is 0 bytes long");
    }

    @Test
    void withoutItsLockFileAStoreIsRecovered() throws IOException {
        byte[] secret = fill();
        Files.delete(directory.resolve("answers.refrain.lock"));
        try (ChronicleStore store = open()) {
            assertThat(store.secret()).isEqualTo(secret);
            assertThat(readable(store)).isEqualTo(ENTRIES);
        }
        assertThat(setAside()).isEmpty();
    }

    /** The state after a process was killed during recovery: Chronicle's mark, and an opening that was never closed. */
    @Test
    void anInterruptedRecoveryIsRepeated() throws IOException {
        fill();
        Files.delete(directory.resolve("answers.refrain.lock"));
        try (RandomAccessFile raf = new RandomAccessFile(file.toFile(), "rw")) {
            raf.seek(11);
            int highest = raf.read();
            raf.seek(11);
            raf.write(highest | 0x80);
        }
        long start = System.nanoTime();
        try (ChronicleStore store = open()) {
            assertThat(readable(store)).isEqualTo(ENTRIES);
        }
        assertThat(System.nanoTime() - start)
                .as("Chronicle alone waits a minute")
                .isLessThan(30_000_000_000L);
    }

    @Test
    void withoutItsSecretAStoreStartsAfresh() throws IOException {
        byte[] secret = fill();
        Files.delete(directory.resolve("answers.refrain.secret"));
        try (ChronicleStore store = open()) {
            assertThat(store.secret()).isNotEqualTo(secret);
            assertThat(store.stats().entries()).isZero();
        }
        assertThat(setAside()).isEmpty();
    }

    @Test
    void aShortSecretCountsAsMissing() throws IOException {
        byte[] secret = fill();
        Files.write(directory.resolve("answers.refrain.secret"), Arrays.copyOf(secret, 31));
        try (ChronicleStore store = open()) {
            assertThat(store.secret()).hasSize(32);
            assertThat(store.stats().entries()).isZero();
        }
    }

    @Test
    void anotherCapacityMovesTheEntries() throws IOException {
        byte[] secret = fill();
        for (long capacity : new long[] {3 * CAPACITY, CAPACITY}) {
            try (ChronicleStore store = open(capacity)) {
                assertThat(store.secret()).isEqualTo(secret);
                assertThat(store.stats().capacityBytes()).isEqualTo(capacity);
                assertThat(store.stats().entries()).isEqualTo(ENTRIES);
                assertThat(readable(store)).isEqualTo(ENTRIES);
            }
            assertThat(Files.size(file)).isBetween(capacity * 9 / 10, capacity);
        }
        assertThat(directory).isDirectoryNotContaining("glob:**.new");
    }

    @Test
    void movingToASmallerCapacityKeepsTheNewestEntries() throws IOException {
        int count = 30_000;
        try (ChronicleStore store = open(5 * CAPACITY)) {
            for (int i = 0; i < count; i++) {
                store.put(key(i), entry(i, 0, 2_000, i, NEVER));
            }
        }
        try (ChronicleStore store = open(CAPACITY)) {
            assertThat(store.stats().entries()).isGreaterThan(5_000);
            for (int i = count - 1_000; i < count; i++) {
                assertThat(store.get(key(i), found)).isTrue();
            }
        }
    }

    @Test
    void aCapacityThatDoesNotFitLeavesTheStoreUnchanged() throws IOException {
        fill();
        try (ChronicleStore store = open(1L << 50)) {
            assertThat(store.stats().capacityBytes()).isEqualTo(CAPACITY);
            assertThat(readable(store)).isEqualTo(ENTRIES);
        }
        assertThat(directory).isDirectoryNotContaining("glob:**.new");
    }

    @Test
    void theSameFileCannotBeOpenedTwice() throws IOException {
        fill();
        Path link = directory.resolve("link");
        Files.createSymbolicLink(link, file);
        try (ChronicleStore store = open()) {
            for (Path path : List.of(file, link, directory.resolve("./answers.refrain"))) {
                assertThatThrownBy(() -> ChronicleStore.open(path, CAPACITY, CLOCK))
                        .isInstanceOf(IOException.class)
                        .hasMessageContaining("already open in this process");
            }
            assertThat(readable(store)).isEqualTo(ENTRIES);
        }
        open().close();
    }

    @Test
    void aDirectoryIsNoStore() {
        assertThatThrownBy(() -> ChronicleStore.open(directory, CAPACITY, CLOCK))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(directory + " is a directory");
    }

    @Test
    void withoutPermissionThereIsNoStore() throws Exception {
        Path locked = Files.createDirectory(directory.resolve("locked"));
        Files.setPosixFilePermissions(locked, PosixFilePermissions.fromString("r-x------"));
        // Root can write to anything that is not immutable.
        boolean isImmutable = Files.isWritable(locked) && chattr("+i", locked);
        try {
            assumeTrue(!Files.isWritable(locked), "skipped: root, and chattr does not work here");
            file = locked.resolve("answers.refrain");
            assertThatThrownBy(this::open).isInstanceOf(IOException.class).hasMessageContaining("No permission");
        } finally {
            if (isImmutable) {
                chattr("-i", locked);
            }
        }
    }

    private static boolean chattr(String flag, Path path) throws InterruptedException {
        try {
            return new ProcessBuilder("chattr", flag, path.toString())
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException noSuchCommand) {
            return false;
        }
    }

    @Test
    void anInterruptedThreadCanOpenAndClose() throws IOException {
        Thread.currentThread().interrupt();
        try {
            byte[] secret = fill();
            assertThat(Thread.currentThread().isInterrupted()).isTrue();
            try (ChronicleStore store = open()) {
                assertThat(store.secret()).isEqualTo(secret);
                assertThat(readable(store)).isEqualTo(ENTRIES);
            }
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void aFailedOpeningLeavesNothingBehind() throws IOException {
        assertThatThrownBy(() -> open(1L << 50)).isInstanceOf(IOException.class).hasMessageContaining("lower capacity");
        assertThat(directory)
                .isDirectoryNotContaining("glob:**answers.refrain")
                .isDirectoryNotContaining("glob:**.new");
        fill();
    }

    private static void overwrite(Path path, long at, byte[] bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(bytes), at);
        }
    }

    /** The service's account could not read files that root creates beside its store. */
    @Test
    void aCommandRefusesTheStoreOfAnotherAccount() throws IOException {
        open().close();
        int owner = (int) Files.getAttribute(file, "unix:uid");
        OwnerOnly.requireOwner(file, owner);
        OwnerOnly.requireOwner(file, -1);
        OwnerOnly.requireOwner(directory.resolve("none"), owner + 1);
        assertThat(OwnerOnly.account()).isIn(owner, -1);
        assertThatThrownBy(() -> OwnerOnly.requireOwner(file, owner + 1))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("sudo -u " + Files.getOwner(file).getName());
    }
}
