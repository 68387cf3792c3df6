package dev.refrain.semantics.client;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.semantics.policy.RequestedCaching;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/**
 * A cache of many small answers that a provider gives in one call, such as the vectors of texts. Each item is looked up
 * by itself. Items that another thread is fetching are waited for, and one call fetches all the rest. The caller
 * defines what an item is: its request is a JSON object, its answer any bytes.
 *
 * <p>Thread-safe. The program owns the cache and closes it.
 */
public final class ItemCache {
    private final ResponseCache cache;
    private final RefrainOptions options;
    private final KeyContext context;
    private final Caller caller;
    /** The caching of all requests, before a policy for a model applies. */
    private final RequestedCaching asked;

    /**
     * What the provider gives for one item.
     *
     * @param bytes never null; must not be changed
     * @param promptTokens tokens that the provider counted for the item, or {@link AnswerFacts#UNKNOWN}
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Item(byte[] bytes, long promptTokens) {
        /** Rejects null bytes. */
        public Item {
            Objects.requireNonNull(bytes, "bytes");
        }
    }

    /** Calls the provider. */
    @FunctionalInterface
    public interface Fetch {
        /**
         * Fetches items, on the asking thread. Exceptions are thrown to all callers that wait for one of these items.
         *
         * @param missing positions in the list of requests, in ascending order; at least one
         * @return as many items, in the same order
         */
        List<Item> fetch(List<Integer> missing);
    }

    private ItemCache(ResponseCache cache, RefrainOptions options, Supplier<String> identity) {
        this.cache = cache;
        this.options = options;
        this.caller = Caller.of(cache.pipeline().scope(options.scope() == null ? "" : options.scope()));
        KeyContext.Builder builder = cache.pipeline()
                .context(Endpoint.EMBEDDINGS, caller.scope())
                .upstream(options.upstream() == null ? identity.get() : options.upstream())
                .bytes();
        if (options.namespace() != null) {
            builder.namespace(options.namespace());
        }
        if (options.sample() != null) {
            builder.sample(Integer.parseInt(options.sample()));
        }
        this.context = builder.build();
        this.asked =
                RequestedCaching.of(RequestFields.of(Map.of()), options.rules(), Endpoint.EMBEDDINGS, caller.labels());
    }

    /**
     * A cache of the vectors of texts.
     *
     * @param options scope, namespace, sample, lifetime, policies, upstream and log are used; without a scope all
     *     callers share the answers
     * @param identity identifies the model and its provider, as far as the requests do not; a part of all keys. Called
     *     only if the options name no upstream, and may throw
     */
    public static ItemCache of(ResponseCache cache, RefrainOptions options, Supplier<String> identity) {
        return new ItemCache(cache, options, identity);
    }

    /**
     * Makes a request that is not cached, and logs it.
     *
     * @param model see {@link #isOn}
     * @param call calls the provider, on this thread; its exceptions are passed on
     * @return what the call returns
     */
    public <T> T passBy(String model, Supplier<T> call) {
        RequestRecord record = newRecord();
        Policy policy = policy(model);
        record.policy(policy == null ? null : policy.name());
        record.asked(null, null, null);
        boolean isAnswered = false;
        try {
            T answer = call.get();
            record.head(200, null, null);
            isAnswered = true;
            return answer;
        } finally {
            record.served(!isAnswered);
        }
    }

    /**
     * Whether the answers of a model are cached, by {@link RefrainOptions.Builder#on} and
     * {@link RefrainOptions.Builder#policies}. If not, call {@link #passBy}.
     *
     * @param model name of the model, or null if it is not known
     */
    public boolean isOn(String model) {
        return controls(policy(model)).enabled();
    }

    /**
     * The answers to some requests. Equal requests count as one. Requests that are longer than the cache takes are
     * always fetched. If the model's answers are not cached, all are fetched and none is kept.
     *
     * @param model the model that all requests ask for, by the name that policies use; null if it is not known
     * @param requests each a JSON object in UTF-8; not changed
     * @param fetch called on this thread: once for all items that are neither stored nor being fetched, once more for
     *     items that another thread has failed to fetch, and not at all if nothing is missing
     * @return for each request its answer; must not be changed, since equal requests share it
     * @throws IllegalStateException if the thread is interrupted while it waits for another thread's call
     */
    public List<byte[]> get(String model, List<byte[]> requests, Fetch fetch) {
        Policy policy = policy(model);
        try (ItemBatch batch = new ItemBatch(this, controls(policy), policy, requests, fetch)) {
            return batch.get();
        }
    }

    /** The policy for a model, or null. Limits on temperature, tools and turns do not concern embeddings. */
    private Policy policy(String model) {
        return asked.policy(model == null ? List.of() : List.of(model), null);
    }

    private CacheControls controls(Policy policy) {
        return asked.with(null, policy);
    }

    ResponseCache cache() {
        return cache;
    }

    RequestRecord newRecord() {
        return options.log().begin(Endpoint.EMBEDDINGS, caller);
    }

    CacheRequest request(byte[] body) {
        return CacheRequest.of(context, body);
    }
}
