package dev.refrain.semantics.items;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.stats.EntryFacts;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.policy.RequestedCaching;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * A request for several embeddings whose items are cached one by one (wire rule W86). The key of an item is that of the
 * same request for this item alone, in a list of one. Immutable.
 */
public final class ItemByItem {
    private final ResponseCache cache;
    private final CacheControls controls;
    private final CacheKey whole;
    private final ItemRequest request;
    private final KeyContext context;

    private ItemByItem(ResponseCache cache, Decision decision, ItemRequest request, KeyContext context) {
        this.cache = cache;
        this.context = context;
        this.controls = decision.controls();
        this.whole = decision.key();
        this.request = request;
    }

    /** Makes a call to the provider with another body than the request's. */
    @FunctionalInterface
    public interface Part {
        /** A call with this body, which must not be changed afterwards. */
        Upstream with(byte[] body);
    }

    /**
     * Treats a request item by item, if it is suited for that.
     *
     * @param decision about the request
     * @param body the body from which the key was made
     * @param isPlain whether that is the body as it was sent, without a content coding
     * @return null for all other requests, which are cached as a whole
     */
    public static ItemByItem of(
            ResponseCache cache,
            CacheRules rules,
            Decision decision,
            KeyContext context,
            RequestedCaching asked,
            byte[] body,
            boolean isPlain) {
        if (context.endpoint() != Endpoint.EMBEDDINGS
                || decision.key() == null
                || !rules.itemByItem()
                || !isPlain
                || decision.isMerged()
                || asked.partition().samples() > 0
                || decision.controls().directives().staleIfErrorSeconds() > 0) {
            return null;
        }
        ItemRequest request = ItemRequest.of(body, cache.admin().maxRequestBytes());
        return request == null ? null : new ItemByItem(cache, decision, request, context);
    }

    /** The keys of all items; null if two of them are equal, or an item has none. */
    private List<CacheKey> keys() {
        List<CacheKey> keys = new ArrayList<>(request.size());
        Set<String> digests = new HashSet<>();
        for (int i = 0; i < request.size(); i++) {
            CacheKey key = cache.key(CacheRequest.of(context, request.alone(i))).orElse(null);
            if (key == null || !digests.add(key.digest())) {
                return null;
            }
            keys.add(key);
        }
        return keys;
    }

    /** How many items there are. */
    public int size() {
        return request.size();
    }

    /** How many items are stored and fresh enough to answer; -1 if the request is cached as a whole. Counts no hit. */
    public int known() {
        List<CacheKey> keys = keys();
        if (keys == null) {
            return -1;
        }
        int known = 0;
        for (CacheKey key : keys) {
            EntryFacts facts = cache.admin().inspect(key).orElse(null);
            if (facts != null
                    && facts.ttlSeconds() > 0
                    && facts.ageSeconds() <= controls.directives().maxAgeSeconds()) {
                known++;
            }
        }
        return known;
    }

    /**
     * Answers the request, as {@link ResponseCache#respond} does. It first looks for a stored answer to the whole
     * request, since answers that cannot be split are stored whole.
     *
     * @param all calls the provider with the request as it was sent
     * @param part calls the provider for some of the items
     */
    public void respond(Upstream all, Part part, ResponseSink client) {
        Objects.requireNonNull(client, "client");
        boolean leads = controls.clear() || controls.directives().noCache();
        if (!leads && cache.pipeline().respondIfStored(whole, controls.directives(), client)) {
            return;
        }
        MemoryBudget.Reservation held = cache.admin().memory().open();
        List<CacheKey> keys = held.grow((long) ItemAnswers.ITEM_BYTES * request.size()) ? keys() : null;
        if (keys == null) {
            held.close();
            cache.pipeline().respond(whole, controls, all, client);
            return;
        }
        if (controls.clear()) {
            cache.remove(whole);
        }
        ItemExchange exchange = new ItemExchange(cache, controls, whole, request, client, held);
        new ItemAnswers(exchange, keys, all, part).begin();
    }
}
