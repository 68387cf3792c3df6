package dev.refrain.http.upstream;

import static dev.refrain.testing.Await.until;
import static dev.refrain.testing.Http2Provider.CONTINUATION;
import static dev.refrain.testing.Http2Provider.DATA;
import static dev.refrain.testing.Http2Provider.END_HEADERS;
import static dev.refrain.testing.Http2Provider.HEADERS;
import static dev.refrain.testing.Http2Provider.SETTINGS;
import static dev.refrain.testing.Http2Provider.block;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.framing.HeaderBlocks;
import dev.refrain.testing.Http2Provider;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Unfinished heads count in the memory budget. */
class HeaderBlocksTest extends Http2Test {
    private static final int PIECE = 16_000;

    /** Sends the beginning of a head, in frames. */
    private static void begin(Http2Provider.Connection connection, int stream, byte[] head, int to) throws IOException {
        for (int at = 0; at < to; at += PIECE) {
            connection.write(
                    at == 0 ? HEADERS : CONTINUATION,
                    0,
                    stream,
                    Arrays.copyOfRange(head, at, Math.min(to, at + PIECE)));
        }
    }

    @Test
    void theReceivedPartOfAHeadIsReserved() throws Exception {
        byte[] head = block(":status", "200", "x-long", "x".repeat(300_000));
        CountDownLatch goesOn = new CountDownLatch(1);
        AtomicReference<Http2Provider.Connection> first = new AtomicReference<>();
        start(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            first.compareAndSet(null, connection);
            begin(connection, stream, head, 288_000);
            goesOn.await();
            connection.write(CONTINUATION, END_HEADERS, stream, Arrays.copyOfRange(head, 288_000, head.length));
            connection.data(stream, true, OK);
            connection.drain();
        });
        CollectedAnswer answer = post("{}");
        until(() -> memory.usedBytes() == Admission.CALL_BYTES + 288_000 - Admission.HEAD_BYTES);
        goesOn.countDown();
        assertThat(answer.text()).isEqualTo(OK);
        // The call reserved the memory of the head, and has ended.
        until(() -> memory.usedBytes() == 0);
    }

    @Test
    void aHeadThatBreaksOffIsReleased() throws Exception {
        byte[] head = block(":status", "200", "x-long", "x".repeat(300_000));
        CountDownLatch goesOn = new CountDownLatch(1);
        start(connection -> {
            connection.greet();
            begin(connection, connection.request().stream(), head, 288_000);
            goesOn.await();
            connection.breakOff();
        });
        CollectedAnswer answer = post("{}");
        until(() -> memory.usedBytes() > 288_000);
        goesOn.countDown();
        assertThat(answer.failure().detail()).isEqualTo("upstream-unreachable");
        until(() -> memory.usedBytes() == 0);
    }

    /** Without the head, nothing more of the connection can be read. */
    @Test
    void withoutMemoryForAHeadTheConnectionEnds() throws Exception {
        byte[] head = block(":status", "200", "x-long", "x".repeat(300_000));
        MemoryBudget tight = new MemoryBudget(300_000);
        provider = new Http2Provider(connection -> {
            connection.greet();
            int stream = connection.request().stream();
            if (provider.connections.get() == 1) {
                begin(connection, stream, head, head.length);
                connection.drain();
            }
            connection.answer(stream, OK);
            connection.drain();
        });
        client = client(LONG, LONG, LONG, LONG, true, tight, null);
        assertThat(post("{}").failure().detail()).isEqualTo("memory-budget");
        until(() -> tight.usedBytes() == 0);
        assertThat(post("{}").text()).isEqualTo(OK);
        assertThat(provider.connections).hasValue(2);
        until(() -> tight.usedBytes() == 0);
    }

    /** Frame boundaries are found however the bytes are split. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 8, 9, 10, 1000, 100_000})
    void framesAreFoundInPiecesOfAnyLength(int piece) throws IOException {
        provider = new Http2Provider(connection -> {});
        client = client(LONG, LONG, LONG, LONG, true);
        MemoryBudget budget = new MemoryBudget(1 << 20);
        HeaderBlocks blocks = new HeaderBlocks(budget, Admission.HEAD_BYTES);
        ByteBuf bytes = Unpooled.buffer();
        frame(bytes, SETTINGS, 0, 0);
        frame(bytes, HEADERS, END_HEADERS, 20_000);
        frame(bytes, DATA, END_HEADERS, 30_000);
        frame(bytes, HEADERS, 0, 10_000);
        frame(bytes, CONTINUATION, 0, 0);
        frame(bytes, CONTINUATION, 0, 10_000);
        long atMost = 0;
        while (bytes.isReadable()) {
            ByteBuf next = bytes.readSlice(Math.min(piece, bytes.readableBytes()));
            assertThat(blocks.came(next.nioBuffer())).isTrue();
            atMost = Math.max(atMost, budget.usedBytes());
            blocks.read();
        }
        assertThat(atMost).isEqualTo(20_000 - Admission.HEAD_BYTES);
        assertThat(budget.usedBytes()).isEqualTo(20_000 - Admission.HEAD_BYTES);
        frame(bytes.clear(), CONTINUATION, END_HEADERS, 1);
        assertThat(blocks.came(bytes.nioBuffer())).isTrue();
        blocks.read();
        assertThat(budget.usedBytes()).isZero();
    }

    private static void frame(ByteBuf to, int type, int flags, int length) {
        // A frame whose payload looks like heads of frames.
        to.writeMedium(length).writeByte(type).writeByte(flags).writeInt(1);
        for (int i = 0; i < length; i++) {
            to.writeByte(i % 3);
        }
    }
}
