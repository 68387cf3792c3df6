package dev.refrain.jmh;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Counts the bytes of an answer and drops them. */
@State(Scope.Thread)
public class CountingSink implements ResponseSink {
    private int bytes;

    @Override
    public void head(ResponseHead head) {
        bytes = 0;
    }

    @Override
    public void chunk(ByteBuffer chunk) {
        bytes += chunk.remaining();
    }

    @Override
    public void end() {}

    @Override
    public void fail(Throwable cause) {
        throw new IllegalStateException(cause);
    }

    int bytes() {
        return bytes;
    }
}
