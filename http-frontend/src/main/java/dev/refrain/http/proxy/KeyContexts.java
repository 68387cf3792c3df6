package dev.refrain.http.proxy;

import dev.refrain.engine.Endpoint;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.route.Route;
import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import io.undertow.util.HttpString;
import java.util.List;
import java.util.function.Function;

/** Says what goes into a request's key beside its body (wire rules W10, W14 and W15). Thread-safe. */
final class KeyContexts {
    private final ResponseCache cache;
    private final Function<Endpoint, String> upstreams;
    /** In an order that does not change. */
    private final List<HttpString> headers;

    /**
     * @param upstreams identities of the endpoints' providers
     * @param headers with which providers change their answers
     */
    KeyContexts(ResponseCache cache, Function<Endpoint, String> upstreams, FieldNames headers) {
        this.cache = cache;
        this.upstreams = upstreams;
        this.headers = headers.names().stream().sorted().map(HttpString::new).toList();
    }

    /**
     * What goes into the key of a request.
     *
     * @param route to an endpoint; two of Azure's deployments answer differently
     * @param query as sent, or empty
     */
    KeyContext of(Route route, Caller caller, String query, HeaderMap fields) {
        KeyContext.Builder context = cache.context(route.endpoint(), caller.scope())
                .upstream(route.base(upstreams.apply(route.endpoint())))
                .target(route.deployment() == null ? "" : route.deployment())
                .query(query);
        for (HttpString name : headers) {
            HeaderValues lines = fields.get(name);
            if (lines != null) {
                for (String line : lines) {
                    context.header(name.toString(), line);
                }
            }
        }
        return context.build();
    }
}
