package dev.refrain.engine;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.Upstream;

/**
 * One request for a key that the store has not answered.
 *
 * @param reason why not
 */
record Ask(CacheKey key, CacheControls controls, ForwardReason reason, Upstream upstream, GuardedSink sink) {
    /** What a response says that is fetched for this request. */
    CacheOutcome.Miss miss(boolean stored) {
        return new CacheOutcome.Miss(controls.ttl().toSeconds(), stored, reason);
    }
}
