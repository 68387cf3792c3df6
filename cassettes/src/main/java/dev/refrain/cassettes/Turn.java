package dev.refrain.cassettes;

import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;

/** One request while it is answered or recorded. Any thread may cancel it. */
final class Turn implements Upstream.Call {
    private final RecordedRequest request;
    private final String digest;
    private final Secrets secrets;
    private final Upstream provider;
    private final ResponseSink client;
    private volatile boolean cancelled;
    private volatile boolean isAnswered;
    /** Reserved memory for the answer that is played. */
    private final MemoryBudget.Reservation memory;

    Turn(
            RecordedRequest request,
            String digest,
            Secrets secrets,
            Upstream provider,
            ResponseSink client,
            MemoryBudget.Reservation memory) {
        this.memory = memory;
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

    /** Reserves memory for an answer until the client has it, or has gone. Returns false if there is not enough. */
    boolean holds(long bytes) {
        return memory.grow(bytes);
    }

    /** Fails the request, unless the client has its answer, or has gone. */
    void fail() {
        memory.close();
        if (!isAnswered && !cancelled) {
            client.fail(ProxyException.notRecorded(Cassettes.CLOSED));
        }
    }

    /** Called when the client has its whole answer. */
    void answered() {
        memory.close();
        isAnswered = true;
    }

    boolean isCancelled() {
        return cancelled;
    }

    /** Called when the client has gone. A call under way goes on, because its answer is still to be recorded. */
    @Override
    public void cancel() {
        cancelled = true;
        memory.close();
    }
}
