package dev.refrain.semantics.key;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.policy.Partition;
import dev.refrain.semantics.route.Route;
import java.util.List;

/** Makes the part of a request's key beside its body (wire rules W10, W14 and W15). Thread-safe. */
public final class KeyContexts {
    /** The fields with which the known providers change their answers, as {@link FieldNames#parse} reads them. */
    public static final String USUAL_HEADERS = "anthropic-beta, anthropic-version, openai-beta";

    private final ResponseCache cache;
    /** In an order that does not change. */
    private final List<String> headers;

    private final CredentialFields credentials;

    /**
     * Makes one for a cache.
     *
     * @param headers names of the fields that change answers (wire rule W14)
     * @param credentials which fields hold credentials: of these, no line is kept as it is
     */
    public KeyContexts(ResponseCache cache, FieldNames headers, CredentialFields credentials) {
        this.cache = cache;
        this.credentials = credentials;
        // These fields are parts of the key of their own.
        this.headers = headers.names().stream()
                .filter(name -> !name.equalsIgnoreCase(Partition.NAMESPACE) && !name.equalsIgnoreCase(Partition.SAMPLE))
                .sorted()
                .toList();
    }

    /**
     * What goes into the key of a request.
     *
     * @param route to an endpoint; two of Azure's deployments answer differently
     * @param upstream names the provider, the same over restarts
     * @param query as sent, or empty
     * @param partition which part of the cache the request is about
     */
    public KeyContext of(
            Route route, String upstream, Caller caller, String query, Partition partition, RequestFields fields) {
        KeyContext.Builder context = cache.pipeline()
                .context(route.endpoint(), caller.scope())
                .upstream(route.base(upstream))
                .target(route.deployment() == null ? "" : route.deployment())
                .query(query)
                .namespace(partition.namespace());
        if (partition.sample() != CacheKey.NO_SAMPLE) {
            context.sample(partition.sample());
        }
        for (String name : headers) {
            List<String> lines = fields.all(name);
            if (lines != null) {
                boolean isCredential = credentials.contains(name);
                for (String line : lines) {
                    context.header(
                            name, isCredential ? cache.pipeline().scope(line).hexTag() : line);
                }
            }
        }
        return context.build();
    }
}
