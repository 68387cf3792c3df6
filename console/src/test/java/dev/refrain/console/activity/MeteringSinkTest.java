package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Tokens of an answer are counted once: by the cache if it captures the answer, else on the way to the client. */
class MeteringSinkTest {
    private static final byte[] ANSWER =
            "{\"id\":\"a\",\"choices\":[],\"usage\":{\"total_tokens\":21}}".getBytes(StandardCharsets.UTF_8);

    private final MemoryBudget memory = new MemoryBudget(1 << 20);
    private final ProviderCall call = new Account(null, Endpoint.CHAT, 0, null).callStarted();

    /** A client, or a cache that counts the tokens itself. */
    private static final class Client implements ResponseSink {
        private final boolean counts;
        private Consumer<AnswerFacts> counted;

        Client(boolean counts) {
            this.counts = counts;
        }

        @Override
        public boolean whenCounted(Consumer<AnswerFacts> action) {
            counted = action;
            return counts;
        }

        @Override
        public void head(ResponseHead head) {}

        @Override
        public void chunk(ByteBuffer bytes) {}

        @Override
        public void end() {
            if (counts) {
                counted.accept(new AnswerFacts("a", 1, 2, 3, 0, "stop"));
            }
        }

        @Override
        public void fail(Throwable cause) {}
    }

    private MeteringSink begun(Client client) {
        MeteringSink sink = new MeteringSink(Endpoint.CHAT, call, client, memory);
        sink.head(new ResponseHead(200, "application/json", null, ANSWER.length, null, null, Map.of()));
        sink.chunk(ByteBuffer.wrap(ANSWER));
        return sink;
    }

    @Test
    void anAnswerThatTheCacheReadsIsNotReadAgain() {
        MeteringSink sink = begun(new Client(true));
        // Counting would reserve memory.
        assertThat(memory.usedBytes()).isZero();
        sink.end();
        assertThat(call.facts().tokens()).isEqualTo(3);
    }

    @Test
    void anAnswerThatTheCacheDoesNotReadIsCountedHere() {
        MeteringSink sink = begun(new Client(false));
        assertThat(memory.usedBytes()).isPositive();
        sink.end();
        assertThat(call.facts().tokens()).isEqualTo(21);
        assertThat(memory.usedBytes()).isZero();
    }
}
