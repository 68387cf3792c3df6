package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Reports the status of an answer when it ends. */
final class StatusSink implements ResponseSink {
    private final CompletableFuture<Integer> status = new CompletableFuture<>();
    private int read;

    private StatusSink() {}

    /** Requests a provider's list of models. */
    static CompletableFuture<Integer> ask(UpstreamClient client, Origin origin) {
        StatusSink sink = new StatusSink();
        UpstreamRequest request = new UpstreamRequest("GET", origin, "/v1/models", List.of(), null);
        new UpstreamCall(client, request, false, interim -> {}).fetch(sink);
        return sink.status;
    }

    @Override
    public void head(ResponseHead head) {
        read = head.status();
    }

    @Override
    public void chunk(ByteBuffer bytes) {}

    @Override
    public void end() {
        status.complete(read);
    }

    @Override
    public void fail(Throwable cause) {
        status.completeExceptionally(cause);
    }
}
