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

/** Makes the part of a key that does not come from the body (wire rules W10, W14 and W15). Thread-safe. */
public final class KeyContexts {
    /** Request fields that change the answers of known providers, as {@link FieldNames#parse} reads them. */
    public static final String USUAL_HEADERS = "anthropic-beta, anthropic-version, openai-beta";

    private final ResponseCache cache;
    /** Sorted, so that their order in the key is fixed. */
    private final List<String> headers;

    private final CredentialFields credentials;

    /**
     * Makes contexts for the keys of a cache.
     *
     * @param headers names of the fields that change answers (wire rule W14)
     * @param credentials which fields hold credentials; only keyed hashes of their values go into keys
     */
    public KeyContexts(ResponseCache cache, FieldNames headers, CredentialFields credentials) {
        this.cache = cache;
        this.credentials = credentials;
        // Namespace and sample are parts of the key already.
        this.headers = headers.names().stream()
                .filter(name -> !name.equalsIgnoreCase(Partition.NAMESPACE) && !name.equalsIgnoreCase(Partition.SAMPLE))
                .sorted()
                .toList();
    }

    /**
     * What goes into the key of a request, beside the body.
     *
     * @param route to an endpoint; it includes Azure's deployment, since deployments answer differently
     * @param upstream name of the provider, the same after a restart
     * @param query as sent, or empty
     * @param partition namespace and sample of the request
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
