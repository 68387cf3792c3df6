package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.spi.EntryBuffer;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;

/**
 * Gathers an answer and completes a future with it. If the user of the future completes or cancels it, the reader
 * counts as gone.
 */
final class GatheringSink implements ResponseSink {
    private static final int INITIAL_CAPACITY = 4 * 1024;
    private static final int MAX_TRUSTED = 1 << 20;

    private final CompletableFuture<WholeAnswer> future = new CompletableFuture<>();
    private EntryBuffer body;
    private ResponseHead head;
    private volatile Runnable goneListener;
    /** Whether this sink completes the future, and not its user. Set before it does. */
    private volatile boolean over;

    GatheringSink() {
        future.whenComplete((answer, failure) -> {
            Runnable listener = goneListener;
            if (!over && listener != null) {
                listener.run();
            }
        });
    }

    CompletableFuture<WholeAnswer> future() {
        return future;
    }

    @Override
    public void head(ResponseHead answer) {
        head = answer;
        // An announced length is trusted only up to a small size.
        body = new EntryBuffer((int) Math.max(INITIAL_CAPACITY, Math.min(answer.contentLength(), MAX_TRUSTED)));
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (future.isDone()) {
            return;
        }
        int at = body.length();
        int more = bytes.remaining();
        bytes.get(body.resize(Math.addExact(at, more)), at, more);
    }

    @Override
    public void end() {
        over = true;
        future.complete(new WholeAnswer(head, body.bytes(), body.length()));
    }

    @Override
    public void fail(Throwable cause) {
        over = true;
        future.completeExceptionally(cause);
    }

    @Override
    public void whenGone(Runnable action) {
        goneListener = action;
        if (future.isDone() && !over) {
            action.run();
        }
    }
}
