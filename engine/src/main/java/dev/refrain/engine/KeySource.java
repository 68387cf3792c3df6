package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;

/**
 * What a {@link CacheRequest} says of its key beside the body: a {@link KeyContext}, or an API key of which each cache
 * makes one. A class and no interface, so that {@link KeyContext} has no public method for it.
 */
abstract class KeySource {
    abstract Endpoint endpoint();

    /** What of a body counts; null if that depends on the cache that asks. */
    abstract KeyRules rules();

    /** What it takes of the heap, in bytes, roughly. */
    abstract long heldBytes();

    /** The context of these requests for the cache that has the deriver. */
    abstract KeyContext context(KeyDeriver deriver);

    /** A caller that has one API key. Its context is made anew each time. */
    static final class ApiKey extends KeySource {
        private final Endpoint endpoint;
        private final String apiKey;

        ApiKey(Endpoint endpoint, String apiKey) {
            this.endpoint = endpoint;
            this.apiKey = apiKey;
        }

        @Override
        Endpoint endpoint() {
            return endpoint;
        }

        @Override
        KeyRules rules() {
            return null;
        }

        @Override
        long heldBytes() {
            return Character.BYTES * (long) apiKey.length();
        }

        @Override
        KeyContext context(KeyDeriver deriver) {
            return new KeyContext.Builder(deriver, endpoint, deriver.scope(apiKey)).build();
        }
    }
}
