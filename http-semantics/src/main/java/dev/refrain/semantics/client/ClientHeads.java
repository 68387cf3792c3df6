package dev.refrain.semantics.client;

import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.policy.RequestedCaching;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Decides what requests are to the cache by their heads, and knows the heads of the last ones. A client sends the same
 * head again and again, and to read it takes longer than the rest of a hit.
 *
 * <p>Keeps digests of heads, and so no credential (wire rule W15): the client library may have forgotten it since.
 * Thread-safe.
 */
final class ClientHeads {
    private static final int KEPT = 8;
    /** More than there are threads at the same place; a power of two. */
    private static final int SPARE = 16;

    @SuppressWarnings("ArrayRecordComponent") // compared by its content
    private record Entry(byte[] digest, ClientHead decided) {}

    private final RefrainOptions options;
    private final Callers callers;
    private final KeyContexts contexts;
    /** Whose answers all requests get; null if their headers decide it. */
    private final Caller caller;

    private final AtomicReferenceArray<Entry> known = new AtomicReferenceArray<>(KEPT);
    private final AtomicInteger next = new AtomicInteger();
    /** Empty ones, for whoever comes by. */
    private final AtomicReferenceArray<HeadDigest> digests = new AtomicReferenceArray<>(SPARE);

    ClientHeads(ResponseCache cache, RefrainOptions options) {
        this.options = options;
        this.callers = new Callers(cache, options.credentials(), Map.of());
        this.contexts = new KeyContexts(cache, options.keyHeaders(), options.credentials());
        this.caller =
                options.scope() == null ? null : Caller.of(cache.pipeline().scope(options.scope()));
    }

    /** What a request is to the cache; null if the cache has no part in it. */
    ClientHead of(ClientRequest request) {
        int place = (int) Thread.currentThread().getId() & (SPARE - 1);
        HeadDigest spare = digests.getAndSet(place, null);
        HeadDigest digest = spare == null ? new HeadDigest() : spare;
        try {
            return request.digest(digest) ? known(digest.end(), request) : decide(request);
        } finally {
            digest.clear();
            digests.set(place, digest);
        }
    }

    private ClientHead known(byte[] digest, ClientRequest request) {
        for (int i = 0; i < KEPT; i++) {
            Entry entry = known.get(i);
            if (entry != null && Arrays.equals(digest, entry.digest())) {
                return entry.decided();
            }
        }
        ClientHead decided = decide(request);
        if (decided != null) {
            known.set(Math.floorMod(next.getAndIncrement(), KEPT), new Entry(digest.clone(), decided));
        }
        return decided;
    }

    /** Who sends a request. */
    Caller caller(ClientRequest request) {
        return caller != null
                ? caller
                : callers.of(request.fields(), request.url().query());
    }

    /** What the head says; null if the cache has no part in the request. */
    private ClientHead decide(ClientRequest request) {
        ProviderPath path = ProviderPath.of(request.method(), request.url());
        if (path == null || path.route().endpoint() == null) {
            return null;
        }
        KeyFields fields = new KeyFields(request.fields(), options);
        Caller who = caller(request);
        RequestedCaching asked =
                RequestedCaching.of(fields, options.rules(), path.route().endpoint(), who.labels());
        if (!asked.alone().enabled() && !asked.mayTurnOn() && !options.isRecorded()) {
            return null;
        }
        String upstream = options.upstream() == null ? path.base() : options.upstream();
        KeyContext context =
                contexts.of(path.route(), upstream, who, request.url().query(), asked.partition(), fields);
        boolean isAnonymous = caller == null && callers.isAnonymous(who) && !options.isRecorded();
        return new ClientHead(path.route().endpoint(), asked, who, isAnonymous, ContentCoding.of(fields), context);
    }
}
