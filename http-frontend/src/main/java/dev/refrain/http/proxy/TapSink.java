package dev.refrain.http.proxy;

import dev.refrain.engine.ForwardingSink;
import dev.refrain.engine.ResponseHead;
import dev.refrain.engine.ResponseSink;
import dev.refrain.http.activity.UsageTap;
import java.nio.ByteBuffer;

/** Shows an answer of a provider to the log of requests while it passes by (wire rule W61). */
final class TapSink extends ForwardingSink {
    private final UsageTap tap;

    TapSink(UsageTap tap, ResponseSink client) {
        super(client);
        this.tap = tap;
    }

    @Override
    public void head(ResponseHead head) {
        tap.head(head.contentType(), head.contentEncoding());
        super.head(head);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        tap.chunk(bytes);
        super.chunk(bytes);
    }

    @Override
    public void end() {
        // First, so that a request is not over before what it cost is known.
        tap.ended();
        super.end();
    }

    @Override
    public void fail(Throwable cause) {
        tap.ended();
        super.fail(cause);
    }
}
