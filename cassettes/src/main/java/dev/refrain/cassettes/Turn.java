package dev.refrain.cassettes;

import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.semantics.answer.ProxyException;

/** One request on its way through a folder. Any thread may cancel it. */
final class Turn implements Upstream.Call {
    private final RecordedRequest request;
    private final String digest;
    private final Secrets secrets;
    private final Upstream provider;
    private final ResponseSink client;
    private volatile boolean cancelled;
    private volatile boolean isAnswered;

    Turn(RecordedRequest request, String digest, Secrets secrets, Upstream provider, ResponseSink client) {
        this.request = request;
        this.digest = digest;
        this.secrets = secrets;
        this.provider = provider;
        this.client = client;
    }

    RecordedRequest request() {
        return request;
    }

    String digest() {
        return digest;
    }

    Secrets secrets() {
        return secrets;
    }

    Upstream provider() {
        return provider;
    }

    ResponseSink client() {
        return client;
    }

    /** The client gets no answer any more, unless it has it already. */
    void fail() {
        if (!isAnswered && !cancelled) {
            client.fail(ProxyException.notRecorded("The folder of recordings is closed; ask again."));
        }
    }

    /** The client has its answer. */
    void answered() {
        isAnswered = true;
    }

    boolean isCancelled() {
        return cancelled;
    }

    /** The client has gone. A call under way goes on, because its answer is still to be recorded. */
    @Override
    public void cancel() {
        cancelled = true;
    }
}
