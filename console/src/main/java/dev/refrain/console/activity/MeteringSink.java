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
 * Passes a provider's answer on and tells the log of requests what the answer cost (wire rule W61). If the cache reads
 * the answer, the cache's count is used; otherwise this sink counts. As thread-safe as the sink behind it.
 */
public final class MeteringSink extends ForwardingSink {
    private final ProviderCall call;
    /** Counts the answer; null where the cache reads the answer and counts. */
    private final AnswerMeter meter;

    /**
     * A sink for the provider to write to.
     *
     * @param memory where the memory for counting is reserved
     */
    public MeteringSink(Endpoint endpoint, ProviderCall call, ResponseSink client, MemoryBudget memory) {
        super(client);
        this.call = call;
        this.meter = client.whenCounted(call::ended) ? null : new AnswerMeter(endpoint, memory);
    }

    @Override
    public void head(ResponseHead head) {
        call.answered(head.status());
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
        call.failed(cause);
        count();
        super.fail(cause);
        call.ended(AnswerFacts.NONE);
    }

    /** Counts before the client hears of the answer's end, so that the cost is known when the request ends. */
    private void count() {
        if (meter != null) {
            meter.end();
            call.ended(meter.facts());
        }
    }
}
