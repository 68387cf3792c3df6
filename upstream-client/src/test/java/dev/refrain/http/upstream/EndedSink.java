package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/** Reads an answer, and completes a future when it has ended or failed. */
class EndedSink implements ResponseSink {
    private final CompletableFuture<Void> over;

    EndedSink(CompletableFuture<Void> over) {
        this.over = over;
    }

    @Override
    public void head(ResponseHead head) {}

    @Override
    public void chunk(ByteBuffer bytes) {}

    @Override
    public void end() {
        over.complete(null);
    }

    @Override
    public void fail(Throwable cause) {
        over.completeExceptionally(cause);
    }
}
