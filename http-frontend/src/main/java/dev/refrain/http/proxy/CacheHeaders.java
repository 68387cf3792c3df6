package dev.refrain.http.proxy;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheOutcome;
import dev.refrain.engine.ForwardReason;
import dev.refrain.engine.Savings;
import dev.refrain.http.activity.Account;

/** Writes what the cache did into a response's header (wire rules W21, W22, W27, W30 and W33). */
final class CacheHeaders {
    /** Stands for the status of an answer that there was not. */
    static final int NO_STATUS = 0;

    /** From here on there is nothing that could live. */
    private static final int LEAST_ERROR = 400;

    private CacheHeaders() {}

    /**
     * For an answer.
     *
     * @param outcome null where caching was off
     * @param key null if the request has none
     * @param status of the upstream's answer, if the request was forwarded
     * @param account of the request, with its model; null only if {@code outcome} is
     */
    static void write(CacheOutcome outcome, CacheKey key, int status, Account account, Fields headers) {
        if (outcome instanceof CacheOutcome.Hit hit) {
            writeHit(hit.ageSeconds(), hit.ttlSeconds(), hit.sourceId(), key, headers);
            writeSavings(hit.savings(), account, headers);
            writeStandard("hit; ttl=" + hit.ttlSeconds(), NO_STATUS, key, headers);
        } else if (outcome instanceof CacheOutcome.HitOnError rescue) {
            CacheOutcome.Hit hit = rescue.entry();
            writeHit(hit.ageSeconds(), hit.ttlSeconds(), hit.sourceId(), key, headers);
            writeSavings(hit.savings(), account, headers);
            // An entry that has expired is what the request was forwarded for, whatever else there was.
            ForwardReason reason = hit.ttlSeconds() <= 0 ? ForwardReason.STALE : rescue.reason();
            writeStandard("hit; ttl=" + hit.ttlSeconds() + "; fwd=" + reason.token(), rescue.status(), key, headers);
        } else if (outcome instanceof CacheOutcome.Collapsed collapsed) {
            writeHit(0, collapsed.ttlSeconds(), collapsed.sourceId(), key, headers);
            writeStandard("fwd=" + collapsed.reason().token() + "; collapsed", status, key, headers);
        } else if (outcome instanceof CacheOutcome.Miss miss) {
            headers.put(HeaderNames.CACHE_STATUS, "MISS");
            if (status < LEAST_ERROR) {
                headers.put(HeaderNames.CACHE_TTL, miss.ttlSeconds());
            }
            writeStandard("fwd=" + miss.reason().token() + (miss.stored() ? "; stored" : ""), status, key, headers);
        } else if (outcome instanceof CacheOutcome.Bypass bypass) {
            headers.put(HeaderNames.CACHE_STATUS, "MISS");
            writeStandard("fwd=bypass; detail=" + bypass.reason().detail(), status, key, headers);
        }
    }

    /**
     * For an error that Refrain makes itself.
     *
     * @param outcome what a failure of the upstream would have been; null where caching was off
     */
    static void write(CacheOutcome outcome, CacheKey key, ProxyException failure, Fields headers) {
        if (outcome == null) {
            return;
        }
        headers.put(HeaderNames.CACHE_STATUS, "MISS");
        String forward = "";
        String detail = failure.detail();
        if (outcome instanceof CacheOutcome.Miss miss) {
            forward = "fwd=" + miss.reason().token() + "; ";
        } else if (outcome instanceof CacheOutcome.Bypass bypass && failure.isForwarded()) {
            forward = "fwd=bypass; ";
            detail = bypass.reason().detail();
        }
        writeStandard((failure.isForwarded() ? forward : "") + "detail=" + detail, NO_STATUS, key, headers);
    }

    private static void writeHit(long age, long ttl, String sourceId, CacheKey key, Fields headers) {
        headers.put(HeaderNames.CACHE_STATUS, "HIT");
        headers.put(HeaderNames.CACHE_AGE, age);
        headers.put(HeaderNames.CACHE_TTL, ttl);
        if (sourceId != null) {
            headers.put(HeaderNames.CACHE_SOURCE_ID, sourceId);
        }
        if (key != null && key.streaming()) {
            // A stream is to be seen live, whatever its provider said to the proxies on its own way (W28c).
            headers.put(HeaderNames.ACCEL_BUFFERING, "no");
        }
    }

    /** Only what is known. */
    private static void writeSavings(Savings savings, Account account, Fields headers) {
        if (savings.tokens() > 0) {
            headers.put(HeaderNames.SAVED_TOKENS, savings.tokens());
        }
        if (savings.fetchMillis() > 0) {
            headers.put(HeaderNames.SAVED_MS, savings.fetchMillis());
        }
        String cost = account.cost(savings);
        if (cost != null) {
            headers.put(HeaderNames.SAVED_COST, cost);
        }
    }

    /** RFC 9211; after what caches nearer to the provider have said. */
    private static void writeStandard(String parameters, int status, CacheKey key, Fields headers) {
        StringBuilder field = new StringBuilder(96).append("refrain; ").append(parameters);
        if (status != NO_STATUS) {
            field.append("; fwd-status=").append(status);
        }
        if (key != null) {
            field.append("; key=\"").append(key.shortDigest()).append('"');
        }
        headers.add(HeaderNames.STANDARD_CACHE_STATUS, field.toString());
    }
}
