package dev.refrain.http.proxy;

import dev.refrain.engine.ResponseHead;
import dev.refrain.engine.ResponseSink;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/** Passes a fetched answer on, and says so when it was a whole success: then the request may be outlined. */
final class OutlineSink implements ResponseSink {
    private final Consumer<ResponseHead> whenWhole;
    private final ResponseSink next;
    private ResponseHead head;

    /** @param whenWhole gets the answer's head, with its generation id */
    OutlineSink(Consumer<ResponseHead> whenWhole, ResponseSink next) {
        this.whenWhole = whenWhole;
        this.next = next;
    }

    @Override
    public void head(ResponseHead answer) {
        head = answer;
        next.head(answer);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        next.chunk(bytes);
    }

    @Override
    public void end() {
        next.end();
        if (head.status() == 200) {
            whenWhole.accept(head);
        }
    }

    @Override
    public void fail(Throwable cause) {
        next.fail(cause);
    }

    @Override
    public void whenDrained(Runnable action) {
        next.whenDrained(action);
    }

    @Override
    public void whenGone(Runnable action) {
        next.whenGone(action);
    }
}
