package dev.refrain.semantics.items;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;

/**
 * One request for several embeddings, with its client and the memory reserved for its answer.
 *
 * @param whole key of the request as a whole
 * @param held memory that is reserved for the request until its answer is over
 */
record ItemExchange(
        ResponseCache cache,
        CacheControls controls,
        CacheKey whole,
        ItemRequest request,
        ResponseSink client,
        MemoryBudget.Reservation held) {

    /** Bytes of the longest answer that is stored. */
    int maxAnswerBytes() {
        return cache.admin().maxAnswerBytes();
    }

    CacheOutcome miss(boolean stored) {
        ForwardReason reason = controls.directives().noCache() ? ForwardReason.REQUEST : ForwardReason.MISS;
        return new CacheOutcome.Miss(controls.ttl().toSeconds(), stored, reason);
    }
}
