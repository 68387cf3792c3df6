package dev.refrain.semantics.client;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Takes an answer from the store. It comes whole, on the thread that asks, so nothing waits for it and nothing is
 * locked, unlike in a {@link ClientExchange}.
 */
final class StoredAnswer implements ResponseSink {
    private static final byte[] NOTHING = new byte[0];

    private final RequestRecord record;
    private ResponseHead head;
    private byte[] body = NOTHING;
    private Throwable failure;

    StoredAnswer(RequestRecord record) {
        this.record = record;
    }

    @Override
    public void head(ResponseHead answer) {
        record.head(answer.status(), answer.generationId(), answer.cache());
        head = answer;
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        int count = bytes.remaining();
        if (body == NOTHING && bytes.hasArray()) {
            // A copy of an array need not be filled with zeros first.
            int from = bytes.arrayOffset() + bytes.position();
            body = Arrays.copyOfRange(bytes.array(), from, from + count);
            return;
        }
        int length = body.length;
        body = Arrays.copyOf(body, length + count);
        bytes.get(body, length, count);
    }

    @Override
    public void end() {
        record.wrote(body.length);
        record.served(false);
    }

    @Override
    public void fail(Throwable cause) {
        failure = cause;
        record.served(true);
    }

    ResponseHead head() {
        return head;
    }

    byte[] body() {
        return body;
    }

    /** Null unless the answer has failed. */
    Throwable failure() {
        return failure;
    }
}
