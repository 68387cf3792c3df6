package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.semantics.answer.ProxyException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Collects the answer of a call. */
class CollectedAnswer implements ResponseSink {
    private static final int PATIENCE_SECONDS = 30;

    final CompletableFuture<ResponseHead> head = new CompletableFuture<>();
    private final CompletableFuture<Optional<Throwable>> over = new CompletableFuture<>();
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();

    @Override
    public void head(ResponseHead begun) {
        head.complete(begun);
    }

    @Override
    public synchronized void chunk(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        body.writeBytes(copy);
    }

    @Override
    public void end() {
        over.complete(Optional.empty());
    }

    @Override
    public void fail(Throwable cause) {
        over.complete(Optional.of(cause));
    }

    boolean isOver() {
        return over.isDone();
    }

    synchronized byte[] bytes() {
        return body.toByteArray();
    }

    private Optional<Throwable> await() {
        try {
            return over.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new AssertionError("no end", e);
        }
    }

    /** The whole body. */
    String text() {
        await().ifPresent(why -> {
            throw new AssertionError("failed", why);
        });
        return new String(bytes(), StandardCharsets.UTF_8);
    }

    /** The reason for which it failed. */
    ProxyException failure() {
        return ProxyException.of(await().orElseThrow(() -> new AssertionError("it ended well: " + text())));
    }
}
