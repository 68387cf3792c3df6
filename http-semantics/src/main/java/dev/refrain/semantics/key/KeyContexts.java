package dev.refrain.semantics.key;

import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.route.Route;
import java.util.List;
import java.util.function.Function;

/** Makes the part of a request's key beside its body (wire rules W10, W14 and W15). Thread-safe. */
public final class KeyContexts {
    private final ResponseCache cache;
    private final Function<Endpoint, String> upstreams;
    /** In an order that does not change. */
    private final List<String> headers;

    /**
     * For one cache and its providers.
     *
     * @param upstreams identities of the endpoints' providers
     * @param headers names of the fields that change answers (wire rule W14)
     */
    public KeyContexts(ResponseCache cache, Function<Endpoint, String> upstreams, FieldNames headers) {
        this.cache = cache;
        this.upstreams = upstreams;
        this.headers = headers.names().stream().sorted().toList();
    }

    /**
     * What goes into the key of a request.
     *
     * @param route to an endpoint; two of Azure's deployments answer differently
     * @param query as sent, or empty
     */
    public KeyContext of(Route route, Caller caller, String query, RequestFields fields) {
        KeyContext.Builder context = cache.pipeline()
                .context(route.endpoint(), caller.scope())
                .upstream(route.base(upstreams.apply(route.endpoint())))
                .target(route.deployment() == null ? "" : route.deployment())
                .query(query);
        for (String name : headers) {
            List<String> lines = fields.all(name);
            if (lines != null) {
                for (String line : lines) {
                    context.header(name, line);
                }
            }
        }
        return context.build();
    }
}
