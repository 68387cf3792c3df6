package dev.refrain.semantics.answer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W23: where a generation id comes from, however the answer is split. */
class IdentifySinkTest {
    private static final String ANSWER =
            "  {\"object\":\"chat.completion\",\"x\":{\"id\":\"inner\"},\"id\":\"chatcmpl-1\"}";

    private final MemoryBudget memory = new MemoryBudget(16 << 20);

    /** Collects the pieces. */
    private static final class Client implements ResponseSink {
        private final List<ByteBuffer> pieces = new ArrayList<>();
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private ResponseHead head;

        @Override
        public void head(ResponseHead answer) {
            head = answer;
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            pieces.add(bytes);
            byte[] copy = new byte[bytes.remaining()];
            bytes.duplicate().get(copy);
            body.writeBytes(copy);
        }

        @Override
        public void end() {}

        @Override
        public void fail(Throwable cause) {}
    }

    private IdentifySink begun(Client client) {
        IdentifySink sink = new IdentifySink(client, memory);
        sink.head(new ResponseHead(200, "application/json", null, -1, null, null, Map.of()));
        return sink;
    }

    private static ByteBuffer direct(byte[] bytes, int from, int to) {
        return ByteBuffer.allocateDirect(to - from)
                .put(bytes, from, to - from)
                .flip()
                .asReadOnlyBuffer();
    }

    @Test
    void w23_theIdIsFoundHoweverTheBodyIsSplit() {
        byte[] body = ANSWER.getBytes(StandardCharsets.UTF_8);
        for (int first = 0; first <= body.length; first++) {
            for (int second = first; second <= body.length; second++) {
                Client client = new Client();
                IdentifySink sink = begun(client);
                sink.chunk(direct(body, 0, first));
                sink.chunk(direct(body, first, second));
                sink.chunk(direct(body, second, body.length));
                sink.end();
                assertThat(client.head.generationId()).isEqualTo("chatcmpl-1");
                assertThat(client.body.toString(StandardCharsets.UTF_8)).isEqualTo(ANSWER);
            }
        }
        assertThat(memory.usedBytes()).isZero();
    }

    @Test
    void thePieceWithTheIdIsPassedOnUnchanged() {
        Client client = new Client();
        ByteBuffer piece = ByteBuffer.wrap(ANSWER.getBytes(StandardCharsets.UTF_8));
        IdentifySink sink = begun(client);
        sink.chunk(piece);
        assertThat(client.pieces).hasSize(1).first().isSameAs(piece);
        sink.end();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"a\":1}",
                "[{\"id\":\"x\"}]",
                "data: {\"id\":\"x\"}",
                "{\"id\":1}",
                "{\"id\":\"a b\"}",
                "{\"id\"",
                ""
            })
    void w23_anAnswerWithoutAnIdGetsANewOne(String body) {
        Client client = new Client();
        IdentifySink sink = begun(client);
        sink.chunk(ByteBuffer.wrap(body.getBytes(StandardCharsets.UTF_8)));
        sink.end();
        assertThat(client.head.generationId()).startsWith("gen-");
        assertThat(client.body.toString(StandardCharsets.UTF_8)).isEqualTo(body);
    }

    @Test
    void aBodyWithoutAnIdIsHeldBackUpToABound() {
        Client client = new Client();
        IdentifySink sink = begun(client);
        byte[] piece = "{\"x\":[".concat("1,".repeat(20_000)).getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < 20 && client.head == null; i++) {
            sink.chunk(ByteBuffer.wrap(i == 0 ? piece : "1,".repeat(20_000).getBytes(StandardCharsets.UTF_8)));
        }
        assertThat(client.head.generationId()).startsWith("gen-");
        assertThat(client.body.size()).isBetween(256 << 10, 320 << 10);
        assertThat(memory.usedBytes()).isZero();
        sink.end();
    }
}
