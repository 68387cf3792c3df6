package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Records the calls to a sink, and checks their order. */
class RecordingSink implements ResponseSink {
    final ByteArrayOutputStream body = new ByteArrayOutputStream();
    ResponseHead head;
    boolean ended;
    Throwable failure;
    /** Runs before each chunk is recorded, so that a test can look at the state at that moment. */
    Runnable beforeChunk = () -> {};

    @Override
    public void head(ResponseHead answer) {
        require(head == null && !ended && failure == null);
        head = answer;
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        require(head != null && !ended && failure == null);
        beforeChunk.run();
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        body.writeBytes(copy);
    }

    @Override
    public void end() {
        require(head != null && !ended && failure == null);
        ended = true;
    }

    @Override
    public void fail(Throwable cause) {
        require(!ended && failure == null);
        failure = cause;
    }

    String text() {
        return body.toString(StandardCharsets.UTF_8);
    }

    private static void require(boolean inOrder) {
        if (!inOrder) {
            throw new AssertionError("sink called out of order");
        }
    }
}
