package dev.refrain.semantics.client;

import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.policy.Partition;
import dev.refrain.semantics.route.Route;
import java.util.Map;

/**
 * Makes the part of a key that does not come from the body, by the options of a front-end. Used by the front-end, and
 * by tools that explain its keys. Thread-safe; unless said otherwise, nothing is null.
 */
public final class ClientKeys {
    private final RefrainOptions options;
    private final Callers callers;
    private final KeyContexts contexts;
    /** The caller of all requests; null if their headers decide it. */
    private final Caller caller;

    /** The keys of a front-end with these options. */
    public ClientKeys(ResponseCache cache, RefrainOptions options) {
        this.options = options;
        this.callers = new Callers(cache, options.credentials(), Map.of());
        this.contexts = new KeyContexts(cache, options.keyHeaders(), options.credentials());
        this.caller =
                options.scope() == null ? null : Caller.of(cache.pipeline().scope(options.scope()));
    }

    /** Determines the callers where the options name no scope. */
    public Callers callers() {
        return callers;
    }

    /** A request's fields, with the options' values for those that it lacks. */
    public RequestFields fields(RequestFields sent) {
        return new KeyFields(sent, options);
    }

    /** The caller whose answers a request shares. */
    public Caller caller(RequestFields sent, String query) {
        return caller != null ? caller : callers.of(sent, query);
    }

    /** Whether a request shows no credential, and the options name no scope. */
    boolean isAnonymous(Caller who) {
        return caller == null && callers.isAnonymous(who);
    }

    /**
     * What goes into the key of a request.
     *
     * @param base the provider's base URL
     * @param query as sent, or empty
     * @param partition namespace and sample that the fields name
     * @param fields see {@link #fields}
     */
    public KeyContext context(
            Route route, String base, Caller who, String query, Partition partition, RequestFields fields) {
        String upstream = options.upstream() == null ? base : options.upstream();
        return contexts.of(route, upstream, who, query, partition, fields);
    }
}
