package dev.refrain.engine;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;

/** Passes on an answer that the cache does not store, and says why in its head. */
final class OutcomeSink extends ForwardingSink {
    private final CacheOutcome outcome;

    OutcomeSink(CacheOutcome outcome, ResponseSink client) {
        super(client);
        this.outcome = outcome;
    }

    @Override
    public void head(ResponseHead head) {
        super.head(head.withCache(outcome));
    }
}
