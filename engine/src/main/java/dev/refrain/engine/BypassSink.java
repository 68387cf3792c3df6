package dev.refrain.engine;

import java.nio.ByteBuffer;

/** Passes an answer on untouched, with the reason why the cache had no part in it. */
record BypassSink(BypassReason reason, ResponseSink client) implements ResponseSink {
    @Override
    public void head(ResponseHead head) {
        client.head(head.withCache(new CacheOutcome.Bypass(reason)));
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        client.chunk(bytes);
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
    public void fail(Throwable cause) {
        client.fail(cause);
    }
}
