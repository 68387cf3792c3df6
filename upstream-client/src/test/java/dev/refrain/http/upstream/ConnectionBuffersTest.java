package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ConnectionBuffersTest {
    private static final int PIECE = 16 * 1024;
    private static final int MOST = 4 * ConnectionBuffers.CHUNK_BYTES;

    private final ConnectionBuffers buffers = new ConnectionBuffers(1, MOST);

    @Test
    void buffersBeyondTheirShareOfDirectMemoryAreOnTheHeap() {
        List<ByteBuf> taken = new ArrayList<>();
        for (int i = 0; i < 3 * MOST / PIECE; i++) {
            taken.add(buffers.ioBuffer(PIECE));
        }
        assertThat(taken.get(0).isDirect()).isTrue();
        assertThat(taken.get(taken.size() - 1).isDirect()).isFalse();
        assertThat(buffers.directBytes()).isBetween((long) MOST / 2, (long) MOST);
        taken.forEach(ByteBuf::release);
        // The pool keeps a chunk or two.
        assertThat(buffers.directBytes()).isLessThanOrEqualTo(MOST - ConnectionBuffers.CHUNK_BYTES);
        ByteBuf again = buffers.ioBuffer(PIECE);
        assertThat(again.isDirect()).isTrue();
        again.release();
    }

    /** Runs {@link StuckRequests} in a JVM whose direct memory is too small for the bytes that wait to be written. */
    @Test
    @Timeout(120)
    void unreadRequestsCauseNoFailureWhenDirectMemoryIsShort() throws IOException, InterruptedException {
        Process jvm = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-XX:MaxDirectMemorySize=8m",
                        "-XX:+ExitOnOutOfMemoryError",
                        "-cp",
                        System.getProperty("java.class.path"),
                        StuckRequests.class.getName())
                .redirectErrorStream(true)
                .start();
        try {
            assertThat(jvm.waitFor(90, TimeUnit.SECONDS)).isTrue();
            String said = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(jvm.exitValue()).as(said).isZero();
            assertThat(said).contains("all answered");
        } finally {
            jvm.destroyForcibly();
        }
    }
}
