package dev.refrain.engine.exchange;

import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Passes every call on to another sink. A subclass overrides some methods and calls {@code super} to pass the call on.
 * As thread-safe as the other sink.
 */
public abstract class ForwardingSink implements ResponseSink {
    private final ResponseSink client;

    /** @param client the sink that receives the answer */
    protected ForwardingSink(ResponseSink client) {
        this.client = Objects.requireNonNull(client, "client");
    }

    /** The sink that receives the answer. */
    protected final ResponseSink client() {
        return client;
    }

    @Override
    public void head(ResponseHead head) {
        client.head(head);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        client.chunk(bytes);
    }

    @Override
    public void cost(AnswerFacts facts) {
        client.cost(facts);
    }

    @Override
    public void end() {
        client.end();
    }

    @Override
    public void whenDrained(Runnable action) {
        client.whenDrained(action);
    }

    @Override
    public void whenGone(Runnable action) {
        client.whenGone(action);
    }

    @Override
    public boolean hasReader() {
        return client.hasReader();
    }

    @Override
    public boolean whenCounted(Consumer<AnswerFacts> action) {
        return client.whenCounted(action);
    }

    @Override
    public void fail(Throwable cause) {
        client.fail(cause);
    }
}
