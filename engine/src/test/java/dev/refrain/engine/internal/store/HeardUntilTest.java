package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class HeardUntilTest {
    @TempDir
    Path folder;

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void onlyTheOwnerMayReadIt() throws IOException {
        HeardUntil heard = new HeardUntil(folder.resolve("answers.refrain"));

        for (int i = 0; i < 2; i++) {
            heard.mark(i + 1);

            assertThat(PosixFilePermissions.toString(
                            Files.getPosixFilePermissions(folder.resolve("answers.refrain.shared"))))
                    .isEqualTo("rw-------");
        }
        assertThat(heard.micros()).isEqualTo(2);
    }
}
