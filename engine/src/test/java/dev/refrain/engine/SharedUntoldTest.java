package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.internal.store.UntoldFile;
import dev.refrain.testing.CapturedLog;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The file of removals that other machines have not been told (wire rule W91), and when it is written. */
class SharedUntoldTest {
    private static final String SCOPE = SharedBarriers.scope("aaaaaaaaaaaa");

    @TempDir
    Path folder;

    private final Queue<Runnable> tasks = new ArrayDeque<>();
    private int number;

    private SharedUntold open() {
        return new SharedUntold(new UntoldFile(folder.resolve("answers.refrain")), tasks::add);
    }

    private Path file() {
        return folder.resolve("answers.refrain.unshared");
    }

    private SharedUnraised.Kept key() {
        return new SharedUnraised.Kept(SharedBarriers.KEY + "A".repeat(43) + String.format("%08d", number++), SCOPE);
    }

    private static void tellAll(SharedUntold untold) {
        untold.unraised().take(Integer.MAX_VALUE).forEach(untold.unraised()::over);
    }

    @Test
    void aClientsRemovalIsWrittenByAnotherThread() throws IOException {
        SharedUntold untold = open();
        SharedUnraised.Kept first = key();
        untold.add(first);
        untold.add(key());
        assertThat(file()).doesNotExist();
        assertThat(tasks).hasSize(1);

        tasks.remove().run();

        assertThat(Files.readAllLines(file())).hasSize(2).contains(SharedUnraised.line(first));
        untold.add(key());
        assertThat(tasks).hasSize(1);

        // Another program opens the file after this one was killed.
        SharedUntold next = open();
        next.takeOver();
        assertThat(next.isTakenOver()).isTrue();
        assertThat(next.unraised().lines()).hasSize(2);
        next.forgetWhatIsTold();
        assertThat(next.isTakenOver()).isTrue();
        tellAll(next);
        next.forgetWhatIsTold();
        assertThat(next.isTakenOver()).isFalse();
        assertThat(file()).doesNotExist();
    }

    /** Otherwise the thread that handles notices of other machines would wait: here, some two seconds each time. */
    @Test
    @Timeout(20)
    void aLockOfAFrozenProcessIsNotWaitedFor() throws IOException {
        SharedUntold other = open();
        other.add(key());
        tasks.remove().run();
        SharedUntold untold = open();
        Path lock = folder.resolve("answers.refrain.unshared.lock");
        try (CapturedLog log = new CapturedLog(SharedUntold.class.getName())) {
            try (FileChannel held = FileChannel.open(lock, StandardOpenOption.WRITE)) {
                held.lock();
                for (int i = 0; i < 15; i++) {
                    assertThat(untold.tryTakeOver()).isFalse();
                }
                assertThat(untold.isTakenOver()).isFalse();
            }
            assertThat(untold.tryTakeOver()).isTrue();
            assertThat(untold.isTakenOver()).isTrue();
            tellAll(untold);
            try (FileChannel held = FileChannel.open(lock, StandardOpenOption.WRITE)) {
                held.lock();
                for (int i = 0; i < 15; i++) {
                    untold.forgetWhatIsTold();
                }
                assertThat(untold.isTakenOver()).isTrue();
            }
            // The next heartbeat makes the same call.
            untold.forgetWhatIsTold();
            assertThat(untold.isTakenOver()).isFalse();
            assertThat(file()).doesNotExist();
            assertThat(log.lines()).isEmpty();
        }
    }

    @Test
    void removalsBeyondTheQueueAreWrittenAllTheSame() throws IOException {
        SharedUntold untold = open();
        for (int i = 0; i < 5_000; i++) {
            untold.add(key());
        }
        tasks.remove().run();

        assertThat(Files.readAllLines(file())).hasSize(5_000);
        assertThat(tasks).isEmpty();
    }

    @Test
    void aRemovalAnnouncedMeanwhileIsNotWritten() {
        SharedUntold untold = open();
        untold.add(key());
        tellAll(untold);

        tasks.remove().run();

        assertThat(file()).doesNotExist();
    }

    /** Keys that are announced one by one while others come leave their lines in the file until all are announced. */
    @Test
    void aFileThatHasGrownIsWrittenAnew() throws IOException {
        SharedUntold untold = open();
        for (int i = 0; i < 80; i++) {
            for (int j = 0; j < 1_000; j++) {
                untold.add(key());
            }
            List<SharedUnraised.Kept> taken = untold.unraised().take(999);
            tasks.remove().run();
            taken.forEach(untold.unraised()::over);
        }

        assertThat(Files.size(file())).isLessThan(5 << 20);
        SharedUntold next = open();
        next.takeOver();
        assertThat(next.unraised().lines()).containsAll(untold.unraised().lines());
    }

    @Test
    void anOperatorsRemovalIsWrittenAtOnceAndTheRestAtTheEnd() throws IOException {
        SharedUntold untold = open();
        untold.addAtOnce(SCOPE);
        assertThat(Files.readAllLines(file())).containsExactly(SCOPE);
        SharedUnraised.Kept last = new SharedUnraised.Kept(key().name(), SharedBarriers.scope("bbbbbbbbbbbb"));
        untold.add(last);

        untold.close();

        assertThat(Files.readAllLines(file())).contains(SCOPE, SharedUnraised.line(last));
    }
}
