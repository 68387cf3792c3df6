package dev.refrain.semantics.forward;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.semantics.RequestFields;

/**
 * Stands between a front-end and its provider: records calls, or answers in the provider's place. Thread-safe; never
 * blocks a thread.
 */
@FunctionalInterface
public interface CallRecorder {
    /** Lets every call reach its provider. */
    CallRecorder NONE = (request, provider) -> provider;

    /**
     * The call to make in place of the call to the provider.
     *
     * @param provider the call to the provider, which need not be made
     * @return never null
     */
    Upstream over(Call request, Upstream provider);

    /**
     * A request to a provider. Valid only during {@link #over}.
     *
     * @param endpoint null for a path that is no endpoint
     * @param deployment Azure's name for the model, or null
     * @param query as sent, or empty
     * @param fields of the client's request
     * @param body as it is sent; null if it is not held in memory. Must not be changed
     */
    @SuppressWarnings("ArrayRecordComponent") // passed on, and never compared
    record Call(Endpoint endpoint, String deployment, String query, RequestFields fields, byte[] body) {}
}
