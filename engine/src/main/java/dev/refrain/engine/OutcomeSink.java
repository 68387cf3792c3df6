package dev.refrain.engine;

import java.nio.ByteBuffer;

/** Passes an answer on untouched that the cache has no part in, with the reason in its head. */
record OutcomeSink(CacheOutcome outcome, ResponseSink client) implements ResponseSink {
    @Override
    public void head(ResponseHead head) {
        client.head(head.withCache(outcome));
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
