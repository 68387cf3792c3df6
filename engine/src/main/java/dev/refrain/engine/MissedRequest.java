package dev.refrain.engine;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.Upstream;

/**
 * A request that the store has not answered.
 *
 * @param reason why the store has not answered it
 */
record MissedRequest(CacheKey key, CacheControls controls, ForwardReason reason, Upstream upstream, GuardedSink sink) {
    /** The same request, with another upstream. */
    MissedRequest with(Upstream another) {
        return new MissedRequest(key, controls, reason, another, sink);
    }

    /** The outcome of a response that is fetched for this request. */
    CacheOutcome.Miss miss(boolean stored) {
        return new CacheOutcome.Miss(controls.ttl().toSeconds(), stored, reason);
    }
}
