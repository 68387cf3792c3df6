package dev.refrain.engine;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.internal.request.RequestScan;
import java.util.function.Predicate;

/** Tells which requests are eligible, and derives their keys. Thread-safe. */
final class RequestKeys {
    private final IssuedIds ids;
    private final int maxRequestBytes;
    private final KeyDeriver deriver;
    /** The remembered requests; null if none are remembered. */
    private final RequestMemo memo;

    /** @param memoBytes memory for remembered requests, in bytes; 0 for none */
    RequestKeys(KeyDeriver deriver, IssuedIds ids, int maxRequestBytes, long memoBytes) {
        this.ids = ids;
        this.maxRequestBytes = maxRequestBytes;
        this.deriver = deriver;
        this.memo = memoBytes > 0 ? new RequestMemo(memoBytes) : null;
    }

    /** Counts a request that was answered from the store, so that frequent requests are remembered. */
    void answered(KeyBuffer key) {
        if (memo != null && key.requestHash() != 0) {
            memo.answered(key.requestHash());
        }
    }

    /** Wipes the remembered requests whose answers are not stored. */
    void wipe(Predicate<byte[]> isStored) {
        if (memo != null) {
            memo.wipe(isStored);
        }
    }

    /** Wipes all remembered requests. */
    void close() {
        if (memo != null) {
            memo.close();
        }
    }

    int maxRequestBytes() {
        return maxRequestBytes;
    }

    KeyDeriver deriver() {
        return deriver;
    }

    /** Why a request cannot be cached, or null if it can. */
    BypassReason bypass(CacheRequest request) {
        return request.bodyLength() > maxRequestBytes
                ? BypassReason.PAYLOAD_TOO_LARGE
                : bypass(request.endpoint(), request.body());
    }

    private static BypassReason bypass(Endpoint endpoint, RequestScan body) {
        if (!body.isJsonObject()) {
            return BypassReason.NOT_A_JSON_OBJECT;
        }
        if (CacheRequest.isBackground(endpoint, body)) {
            return BypassReason.BACKGROUND;
        }
        return CacheRequest.isInConversation(endpoint, body) ? BypassReason.STATEFUL : null;
    }

    /** The provider's id behind an id that this cache made for the same scope; null if it is not known. */
    String providerId(CacheScope scope, String id) {
        return ids.find(scope, id);
    }

    /** Whether an id has the form of a hit's id but is not known here, so that another machine may have made it. */
    boolean isUnknown(CacheScope scope, String id) {
        return IdFormat.isOne(id) && ids.find(scope, id) == null;
    }

    /** The id by which a request names an earlier answer, if only another machine may know it; else null. */
    String unknownId(CacheRequest request) {
        if (!IssuedIds.canBeGivenBack(request.endpoint())) {
            return null;
        }
        CacheScope scope = request.context(deriver).scope();
        String sent = ids.unknown(scope, request.endpoint(), request.body());
        return sent != null || !request.hasPreset() ? sent : ids.unknown(scope, request.endpoint(), request.outgoing());
    }

    /** The request with the provider's id in place of an id of this cache; the request itself if it has none. */
    CacheRequest restored(CacheRequest request) {
        KeyContext context = request.context(deriver);
        CacheScope scope = context.scope();
        byte[] sent = ids.restored(scope, request.endpoint(), request.body());
        if (!request.hasPreset()) {
            return sent == null ? request : request.withBodies(context, sent, null);
        }
        byte[] resolved = ids.restored(scope, request.endpoint(), request.outgoing());
        return sent == null && resolved == null
                ? request
                : request.withBodies(
                        context,
                        sent == null ? request.body().copy() : sent,
                        resolved == null ? request.outgoing() : RequestScan.of(resolved, 0, resolved.length));
    }

    /** Puts the key of a request into the scratch. Returns whether the request is eligible. */
    boolean key(CacheRequest request, Scratch scratch) {
        if (!request.hasPreset()) {
            return key(
                    request.context(deriver),
                    request.bytes(),
                    request.offset(),
                    request.bodyLength(),
                    request,
                    scratch);
        }
        if (bypass(request) != null) {
            return false;
        }
        deriver.derive(restored(request), scratch.key, scratch.keys);
        sample(request.context(deriver), scratch);
        return true;
    }

    private static void sample(KeyContext context, Scratch scratch) {
        if (context.sample() != CacheKey.NO_SAMPLE) {
            scratch.key.sample(context.sample(), scratch.keys.sha256());
        }
    }

    /**
     * Puts the key of a request to which no preset is applied into the scratch.
     *
     * @param request the same request as an object; null if there is none. Then the body is parsed into the scratch,
     *     unless it is remembered
     * @return whether the request is eligible
     */
    boolean key(KeyContext context, byte[] bytes, int offset, int length, CacheRequest request, Scratch scratch) {
        if (!keyWithoutSample(context, bytes, offset, length, request, scratch)) {
            return false;
        }
        sample(context, scratch);
        return true;
    }

    /** Derives the key without its last step, which tells the samples of a request apart. */
    private boolean keyWithoutSample(
            KeyContext context, byte[] bytes, int offset, int length, CacheRequest request, Scratch scratch) {
        if (length > maxRequestBytes) {
            return false;
        }
        deriver.begin(context, "", scratch.keys);
        if (memo != null && memo.find(context, scratch.keys, bytes, offset, length, scratch.key, scratch.memo)) {
            return true;
        }
        RequestScan body = request != null
                ? request.body(context)
                : scratch.scan(bytes, offset, length, context.rules().members());
        Endpoint endpoint = context.endpoint();
        if (bypass(endpoint, body) != null) {
            return false;
        }
        byte[] restored = ids.restored(context.scope(), endpoint, body);
        // Another machine may know an id that is unknown here. Once this machine learns the id, the request's key is a
        // different one.
        boolean isFinal = restored != null || ids.maybeOurs(endpoint, body) == null;
        if (restored != null) {
            body = RequestScan.of(restored, 0, restored.length, context.rules().members());
        }
        KeyDeriver.finish(context, CacheRequest.streams(endpoint, body), body, body, scratch.key, scratch.keys);
        if (memo != null && isFinal) {
            memo.offer(scratch.keys.head(), bytes, offset, length, scratch.key, scratch.memo);
        }
        return true;
    }
}
