package dev.refrain.http.proxy;

import dev.refrain.engine.ResponseHead;
import dev.refrain.engine.ResponseSink;
import dev.refrain.http.activity.UsageTap;
import java.nio.ByteBuffer;

/** Shows an answer of a provider to the log of requests while it passes by (wire rule W61). */
record TapSink(UsageTap tap, ResponseSink client) implements ResponseSink {
    @Override
    public void head(ResponseHead head) {
        tap.head(head.contentType(), head.contentEncoding());
        client.head(head);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        tap.chunk(bytes);
        client.chunk(bytes);
    }

    @Override
    public void end() {
        // First, so that a request is not over before what it cost is known.
        tap.ended();
        client.end();
    }

    @Override
    public void fail(Throwable cause) {
        tap.ended();
        client.fail(cause);
    }

    @Override
    public void whenDrained(Runnable action) {
        client.whenDrained(action);
    }

    @Override
    public void whenGone(Runnable action) {
        client.whenGone(action);
    }
}
