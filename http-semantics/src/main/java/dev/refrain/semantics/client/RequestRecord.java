package dev.refrain.semantics.client;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.CacheHeaders;

/**
 * Receives the events of one request. The methods are called in the order in which they stand here, by one thread at a
 * time. Only {@link #calling} may come from any thread; {@link #served} comes once, and last. {@link #cost} is called
 * when the program reads the answer's header, at any time after {@link #head} and from any thread.
 */
public interface RequestRecord extends CacheHeaders.Pricing {
    /** Keeps nothing, and knows no prices. */
    RequestRecord NONE = new RequestRecord() {
        @Override
        public String cost(Savings savings) {
            return null;
        }
    };

    /**
     * Which policy applies to the request (wire rule W81).
     *
     * @param name null if none does
     */
    default void policy(String name) {}

    /**
     * What the request asks for.
     *
     * @param ifItFails the outcome if there is no response
     * @param key null if the request has none
     * @param request null if its body was not examined
     */
    default void asked(CacheOutcome ifItFails, CacheKey key, CacheRequest request) {}

    /**
     * The provider is about to be called.
     *
     * @return the sink that gets the provider's answer; it must pass everything on to the given sink
     */
    default ResponseSink calling(ResponseSink client, MemoryBudget memory) {
        return client;
    }

    /**
     * The response begins.
     *
     * @param generationId null if it has none
     * @param outcome null if the cache had no part in it
     */
    default void head(int status, String generationId, CacheOutcome outcome) {}

    /**
     * The response is an error that the cache itself has made.
     *
     * @param token why, from a fixed list
     */
    default void failed(String token) {}

    /** The program has taken this many more bytes of the response's body. */
    default void wrote(long count) {}

    /**
     * The program has its response, or wants no more of it.
     *
     * @param broken whether the response is incomplete
     */
    default void served(boolean broken) {}
}
