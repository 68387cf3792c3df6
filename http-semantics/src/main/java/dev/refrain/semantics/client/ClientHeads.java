package dev.refrain.semantics.client;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.policy.RequestedCaching;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * Decides about the caching of requests by their heads, and remembers the decisions about recent heads. A client sends
 * the same head again and again, and reading a head takes longer than the rest of a hit.
 *
 * <p>Keeps digests in place of heads, so no credential stays after the client drops it (wire rule W15). Thread-safe.
 */
final class ClientHeads {
    private static final int KEPT = 8;

    private record Entry(HeadDigest.Value digest, ClientHead decided) {}

    private final RefrainOptions options;
    private final ClientKeys keys;

    private final AtomicReferenceArray<Entry> known = new AtomicReferenceArray<>(KEPT);
    private final AtomicInteger next = new AtomicInteger();

    ClientHeads(ResponseCache cache, RefrainOptions options) {
        this.options = options;
        this.keys = new ClientKeys(cache, options);
    }

    /** The decision about a request; null if the cache has no part in it. */
    ClientHead of(ClientRequest request) {
        HeadDigest digest = new HeadDigest();
        return request.digest(digest) ? known(digest.end(), request) : decide(request);
    }

    private ClientHead known(HeadDigest.Value digest, ClientRequest request) {
        for (int i = 0; i < KEPT; i++) {
            Entry entry = known.get(i);
            if (entry != null && entry.digest().isSame(digest)) {
                return entry.decided();
            }
        }
        ClientHead decided = decide(request);
        if (decided != null) {
            known.set(Math.floorMod(next.getAndIncrement(), KEPT), new Entry(digest, decided));
        }
        return decided;
    }

    /** Who sends a request. */
    Caller caller(ClientRequest request) {
        return keys.caller(request.fields(), request.url().query());
    }

    /** The decision by the head; null if the cache has no part in the request. */
    private ClientHead decide(ClientRequest request) {
        ProviderPath path = ProviderPath.of(request.method(), request.url());
        if (path == null || path.route().endpoint() == null) {
            return null;
        }
        RequestFields fields = keys.fields(request.fields());
        Caller who = caller(request);
        RequestedCaching asked =
                RequestedCaching.of(fields, options.rules(), path.route().endpoint(), who.labels());
        // With caching off, only recorders, logs and bodies that may name a hit's id need the cache.
        if (isOff(asked)
                && !options.isRecorded()
                && options.log() == RequestLog.NONE
                && !mayNameAnAnswer(path.route().endpoint())) {
            return null;
        }
        KeyContext context =
                keys.context(path.route(), path.base(), who, request.url().query(), asked.partition(), fields);
        boolean isAnonymous = keys.isAnonymous(who) && !options.isRecorded();
        ContentCoding coding = ContentCoding.of(fields);
        boolean isPlain = isPlain(asked) && !isAnonymous && coding == ContentCoding.IDENTITY && !options.isRecorded();
        CacheOutcome missed = new CacheOutcome.Miss(asked.alone().ttl().toSeconds(), false, ForwardReason.MISS);
        return new ClientHead(
                path.route().endpoint(), asked, who, isAnonymous, coding, context, isPlain, isPlain ? missed : null);
    }

    /** Whether caching is off, whatever the body says. */
    static boolean isOff(RequestedCaching asked) {
        return !asked.alone().enabled() && !asked.mayTurnOn();
    }

    /** Whether bodies may name an earlier answer (wire rule W26b). */
    static boolean mayNameAnAnswer(Endpoint endpoint) {
        return endpoint == Endpoint.RESPONSES || endpoint == Endpoint.MESSAGES;
    }

    private static boolean isPlain(RequestedCaching asked) {
        CacheControls alone = asked.alone();
        return alone.enabled()
                && !alone.clear()
                && !alone.directives().noCache()
                && asked.isPlain()
                && asked.flaw() == null
                && !asked.needsBody();
    }
}
