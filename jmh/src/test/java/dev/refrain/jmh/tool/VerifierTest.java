package dev.refrain.jmh.tool;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.testing.ChildJvm;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class VerifierTest {
    private static final long CAPACITY = 16L << 20;
    private static final int SEGMENT = 1_047_616;
    private static final int LOOKUP = 32_768;
    private static final int CHUNKS_AT = 33_856;

    @TempDir
    Path directory;

    private final SoakPlan plan = new SoakPlan();
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private Path file() {
        return directory.resolve("answers");
    }

    private int verify(Object... arguments) {
        CommandLine commandLine =
                Verifier.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        return commandLine.execute(words);
    }

    private ChronicleStore open() throws IOException {
        return ChronicleStore.open(file(), CAPACITY, Clock.systemUTC());
    }

    /** Stores a few hundred entries, some large, some expired. Returns the number of their keys. */
    private int fill(ChronicleStore store) {
        Set<Integer> keys = new HashSet<>();
        long longAgo = 1_000_000;
        for (int step = 0; step < 300; step++) {
            int key = SoakPlan.step(1, step).key();
            assertThat(store.put(SoakPlan.key(key), plan.entry(1, step, longAgo)))
                    .isTrue();
            keys.add(key);
        }
        return keys.size();
    }

    /** Offsets in the file of the entries of the first segment, without large ones. */
    private long[] valuesOfFirstSegment() throws IOException {
        byte[] bytes = Files.readAllBytes(file());
        ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int segment = bytes.length - bytes.length / SEGMENT * SEGMENT;
        return java.util.stream.IntStream.range(0, LOOKUP / 4)
                .map(slot -> file.getInt(segment + 4 * slot))
                .filter(content -> content != 0)
                .map(content -> segment + CHUNKS_AT + (content >>> 19) * 128)
                // Parts of large entries are at random places.
                .filter(at -> !isMark(file, at))
                .asLongStream()
                .toArray();
    }

    private static boolean isMark(ByteBuffer file, int at) {
        int value = at + 33;
        while (file.get(value - 1) < 0) {
            value++;
        }
        return file.get(value + 4) < 0;
    }

    private boolean isUsed(long slot) throws IOException {
        try (RandomAccessFile raf = new RandomAccessFile(file().toFile(), "r")) {
            raf.seek(slot);
            return raf.readInt() != 0;
        }
    }

    private void flip(long at) throws IOException {
        try (RandomAccessFile raf = new RandomAccessFile(file().toFile(), "rw")) {
            raf.seek(at);
            int before = raf.read();
            raf.seek(at);
            raf.write(before ^ 1);
        }
    }

    @Test
    void aGoodStore() throws IOException {
        int entries;
        try (ChronicleStore store = open()) {
            entries = fill(store);
        }
        byte[] before = Files.readAllBytes(file());
        assertThat(verify(file())).isZero();
        assertThat(err.toString()).isEmpty();
        assertThat(out.toString())
                .containsPattern("entries    " + entries + ", of which \\d+ live, [1-9]\\d* expired\n")
                .containsPattern("large      [1-9]\\d*, of which 0 lack a part")
                .containsPattern("parts      [1-9]\\d*, of which \\d+ belong to no entry")
                .containsPattern("bytes      [1-9][\\d,]* of 16,777,216\n")
                .containsPattern("segments   16, filled to [1-9][\\d.]* % \\(least\\)")
                .contains("locks      0 segments locked\n", "closed     cleanly\n", "damaged    0\n");
        assertThat(Files.readAllBytes(file())).as("nothing is changed").isEqualTo(before);
    }

    @Test
    void aStoreInUse() throws IOException {
        try (ChronicleStore store = open()) {
            fill(store);
            // In a separate process, because closing the lock file here would release this process's locks.
            Process process = ChildJvm.builder(Verifier.class, file())
                    .redirectErrorStream(true)
                    .start();
            try (var answer = process.inputReader()) {
                assertThat(answer.lines())
                        .contains("damaged    0")
                        .contains("closed     no: in use, or its process was killed (1 openings without a closing)");
            }
            assertThat(process.onExit().join().exitValue()).isZero();
            assertThat(store.put(SoakPlan.key(1), plan.entry(1, 1, 0))).isTrue();
        }
    }

    /** Offsets in the key, in the body of an entry, and at the length of a value. */
    @ParameterizedTest
    @ValueSource(ints = {3, 34 + EntryHead.LENGTH + 20, 33})
    void aDamagedEntry(int offset) throws IOException {
        try (ChronicleStore store = open()) {
            fill(store);
        }
        flip(valuesOfFirstSegment()[0] + offset);
        assertThat(verify(file())).isEqualTo(1);
        assertThat(out.toString()).contains("damaged    1\n").containsPattern("segment 0, slot \\d+: ");
    }

    @Test
    void aDamagedIndex() throws IOException {
        try (ChronicleStore store = open()) {
            fill(store);
        }
        for (long slot = Files.size(file()) % SEGMENT; slot < Files.size(file()) % SEGMENT + LOOKUP; slot += 4) {
            if (isUsed(slot)) {
                flip(slot + 3);
            }
        }
        assertThat(verify(file())).isEqualTo(1);
        assertThat(out.toString()).containsPattern("damaged    [1-9]\\d\n");
    }

    @Test
    void noStore() throws IOException {
        Files.writeString(file(), "Dear diary, ".repeat(100));
        assertThat(verify(file())).isEqualTo(1);
        assertThat(err.toString()).isEqualTo("refrain: " + file() + " does not begin like the file of a store\n");
        assertThat(verify(directory.resolve("nothing"))).isEqualTo(1);
        assertThat(err.toString()).contains("NoSuchFileException");
    }

    @Test
    void aCutStore() throws IOException {
        open().close();
        try (RandomAccessFile raf = new RandomAccessFile(file().toFile(), "rw")) {
            raf.setLength(raf.length() - 1);
        }
        assertThat(verify(file())).isEqualTo(1);
        assertThat(err.toString()).contains(" is cut off: 16769023 bytes are there instead of 16769024");
    }

    @Test
    void aWrongCommandLine() throws IOException {
        assertThat(verify()).isEqualTo(2);
        assertThat(verify("--soak", "long", file())).isEqualTo(2);
        assertThat(err.toString()).contains("'long' is not a duration such as 30s, 10m or 8h");
        Files.createFile(file());
        assertThat(verify("--soak", "10s", file())).isEqualTo(2);
        assertThat(err.toString()).contains("exists; name a file that does not");
    }

    @Test
    void aSoak() throws Exception {
        Process process = ChildJvm.builder(Verifier.class, "--soak", "1s", file())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (var answer = process.inputReader()) {
            assertThat(answer.lines())
                    .singleElement()
                    .asString()
                    .matches("[1-9]\\d* processes killed, \\d+ entries checked, .*, 0 faults");
        }
        assertThat(process.onExit().join().exitValue()).isZero();
        assertThat(verify(file())).isZero();
    }
}
