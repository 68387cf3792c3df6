package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.refrain.testing.OwnThread;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The file of removals that two processes with one store have not announced yet. */
class UntoldFileTest {
    @TempDir
    Path folder;

    private UntoldFile open() {
        // Long enough for a busy machine.
        return open(Duration.ofMinutes(1));
    }

    private UntoldFile open(Duration longestWait) {
        return new UntoldFile(folder.resolve("answers.refrain"), longestWait);
    }

    private Path file() {
        return folder.resolve("answers.refrain.unshared");
    }

    @Test
    void eachProcessLearnsWhatTheOtherHasAdded() throws IOException {
        UntoldFile one = open();
        UntoldFile other = open();

        assertThat(one.news(true)).isEmpty();
        one.append(List.of("1", "2"));
        assertThat(one.news(true)).as("lines that the process itself added").isEmpty();
        assertThat(other.news(true)).containsExactly("1", "2");
        other.append(List.of("3"));
        assertThat(other.news(true)).isEmpty();
        assertThat(one.news(true)).containsExactly("3");
        assertThat(Files.readAllLines(file())).containsExactly("1", "2", "3");
    }

    @Test
    void linesOfAnotherProcessAreNotReplacedBeforeTheyAreRead() throws IOException {
        UntoldFile one = open();
        UntoldFile other = open();
        one.append(List.of("1"));
        other.append(List.of("2"));

        assertThat(one.replace(List.of(), true)).isFalse();
        assertThat(Files.readAllLines(file())).containsExactly("1", "2");
        // Lines that the process itself added after the other process's lines may be reported again.
        assertThat(one.news(true)).contains("2");
        assertThat(one.replace(List.of("3"), true)).isTrue();
        assertThat(Files.readAllLines(file())).containsExactly("3");
        assertThat(one.news(true)).isEmpty();
        assertThat(other.news(true)).containsExactly("3");

        assertThat(other.replace(List.of(), true)).isTrue();
        assertThat(file()).doesNotExist();
        assertThat(one.news(true)).isEmpty();
        one.append(List.of("4"));
        assertThat(other.news(true)).containsExactly("4");
    }

    /** The process knows the old beginning. The new file has another one of the same length. */
    @Test
    void aReplacedFileIsReadFromItsBeginning() throws IOException {
        UntoldFile one = open();
        UntoldFile other = open();
        one.append(List.of("1", "2"));
        other.news(true);
        other.replace(List.of("5", "6"), true);

        one.append(List.of("7"));

        assertThat(one.news(true)).contains("5", "6");
    }

    /** A key that is cleared again gets the same line as before. */
    @Test
    void aLineThatIsAddedAgainAfterItsAnnouncementIsNew() throws IOException {
        UntoldFile one = open();
        UntoldFile other = open();
        one.append(List.of("1"));
        assertThat(other.news(true)).containsExactly("1");
        one.replace(List.of(), true);
        assertThat(other.news(true)).isEmpty();

        one.append(List.of("1"));
        other.append(List.of("2"));

        assertThat(other.replace(List.of(), true)).isFalse();
        assertThat(other.news(true)).contains("1");

        one.replace(List.of(), true);
        one.news(true);
        one.replace(List.of(), true);
        assertThat(file()).doesNotExist();
        assertThat(other.replace(List.of(), true)).isTrue();
        one.append(List.of("1", "2"));
        assertThat(other.news(true)).containsExactly("1", "2");
    }

    @Test
    void halfALineOfAKilledProcessSpoilsNoOther() throws IOException {
        Files.writeString(file(), "1\n2");
        UntoldFile one = open();

        one.append(List.of("3"));

        assertThat(one.news(true)).containsExactly("1", "2", "3");
    }

    @Test
    void aLongFileIsToBeWrittenAnew() throws IOException {
        Files.writeString(file(), "1\n".repeat(UntoldFile.FULL_BYTES / 2));
        UntoldFile one = open();

        assertThat(one.append(List.of("2"))).isFalse();
        assertThat(one.replace(List.of("2"), true)).isFalse();
        assertThat(one.news(true)).contains("1");
        assertThat(one.replace(List.of("1", "2"), true)).isTrue();
        assertThat(one.append(List.of("3"))).isTrue();
        assertThat(Files.readAllLines(file())).containsExactly("1", "2", "3");
    }

    @Test
    void aFileThatIsTooLongToBeReadIsReplaced() throws IOException {
        Files.write(file(), new byte[UntoldFile.MAX_BYTES + 1]);
        UntoldFile one = open();

        assertThat(one.replace(List.of("1"), true)).isTrue();
        assertThat(Files.readAllLines(file())).containsExactly("1");
    }

    @Test
    void nothingIsLostWhenManyWriteAtOnce() throws Exception {
        List<CompletableFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            int writer = i;
            all.add(CompletableFuture.runAsync(() -> write(writer), OwnThread.EACH));
        }
        for (CompletableFuture<Void> one : all) {
            one.get(60, TimeUnit.SECONDS);
        }

        assertThat(Files.readAllLines(file())).hasSize(200).doesNotHaveDuplicates();
    }

    private void write(int writer) {
        UntoldFile one = open();
        for (int i = 0; i < 50; i++) {
            try {
                one.append(List.of(writer + "-" + i));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** A process may be stopped while it writes. */
    @Test
    @Timeout(30)
    void theLockIsWaitedForOnlySoLong() throws IOException {
        UntoldFile one = open(Duration.ofMillis(10));
        one.append(List.of("1"));
        try (FileChannel lock =
                FileChannel.open(folder.resolve("answers.refrain.unshared.lock"), StandardOpenOption.WRITE)) {
            lock.lock();

            assertThatIOException().isThrownBy(() -> one.append(List.of("2")));
            UntoldFile patient = open();
            assertThatIOException().isThrownBy(() -> patient.news(false)).isInstanceOf(UntoldFile.HeldException.class);
            assertThatIOException().isThrownBy(() -> patient.replace(List.of(), false));
        }
        one.append(List.of("3"));
        assertThat(Files.readAllLines(file())).containsExactly("1", "3");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void onlyTheOwnerMayReadIt() throws IOException {
        UntoldFile one = open();
        one.append(List.of("1"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
                .isEqualTo("rw-------");
        one.replace(List.of("2"), true);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file())))
                .isEqualTo("rw-------");
    }
}
