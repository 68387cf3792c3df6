package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.usage.AnswerMeter;
import java.nio.ByteBuffer;

/**
 * Tells the log of requests what a provider's answer cost (wire rule W61): what the cache has read of it, or, where the
 * cache has no part in it, what is read here.
 */
public final class TapSink extends ForwardingSink {
    private final ProviderCall call;
    /** Null where the cache reads the answer. */
    private final AnswerMeter meter;

    /**
     * Stands nearest to the provider.
     *
     * @param memory where is reserved what is read here
     */
    public TapSink(Endpoint endpoint, ProviderCall call, ResponseSink client, MemoryBudget memory) {
        super(client);
        this.call = call;
        this.meter = client.whenCounted(call::ended) ? null : new AnswerMeter(endpoint, memory);
    }

    @Override
    public void head(ResponseHead head) {
        if (meter != null) {
            meter.head(head);
        }
        super.head(head);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (meter != null) {
            meter.chunk(bytes);
        }
        super.chunk(bytes);
    }

    @Override
    public void end() {
        count();
        super.end();
        call.ended(AnswerFacts.NONE);
    }

    @Override
    public void fail(Throwable cause) {
        count();
        super.fail(cause);
        call.ended(AnswerFacts.NONE);
    }

    /** First, so that a request is not over before what it cost is known. */
    private void count() {
        if (meter != null) {
            meter.end();
            call.ended(meter.facts());
        }
    }
}
