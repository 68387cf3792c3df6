package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;

/**
 * The parts of a {@link CacheRequest}'s key other than the body: a {@link KeyContext}, or an API key from which each
 * cache makes a context. An abstract class, since the methods of an interface would be public in {@link KeyContext}.
 */
abstract class KeySource {
    abstract Endpoint endpoint();

    /** The rules for what part of a body goes into the key; null if that depends on the cache. */
    abstract KeyRules rules();

    /** Roughly how much heap this takes, in bytes. */
    abstract long heldBytes();

    /** The context for the cache that the deriver belongs to. */
    abstract KeyContext context(KeyDeriver deriver);

    /** A caller with one API key. Each call of {@link #context} makes a new context. */
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
