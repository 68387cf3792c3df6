package dev.refrain.http.proxy;

import dev.refrain.engine.CacheOutcome;
import io.undertow.util.HeaderMap;

/** Writes what the cache did into a response's header (wire rules W21, W22 and W27). */
final class CacheHeaders {
    private CacheHeaders() {}

    static void write(CacheOutcome outcome, HeaderMap headers) {
        if (outcome instanceof CacheOutcome.Hit hit) {
            headers.put(HeaderNames.CACHE_STATUS, "HIT");
            headers.put(HeaderNames.CACHE_AGE, hit.ageSeconds());
            headers.put(HeaderNames.CACHE_TTL, hit.ttlSeconds());
            if (hit.sourceId() != null) {
                headers.put(HeaderNames.CACHE_SOURCE_ID, hit.sourceId());
            }
            headers.add(HeaderNames.STANDARD_CACHE_STATUS, "refrain; hit; ttl=" + hit.ttlSeconds());
        } else if (outcome instanceof CacheOutcome.Collapsed collapsed) {
            headers.put(HeaderNames.CACHE_STATUS, "HIT");
            headers.put(HeaderNames.CACHE_AGE, 0);
            headers.put(HeaderNames.CACHE_TTL, collapsed.ttlSeconds());
            if (collapsed.sourceId() != null) {
                headers.put(HeaderNames.CACHE_SOURCE_ID, collapsed.sourceId());
            }
            headers.add(HeaderNames.STANDARD_CACHE_STATUS, "refrain; fwd=miss; collapsed");
        } else if (outcome instanceof CacheOutcome.Miss miss) {
            headers.put(HeaderNames.CACHE_STATUS, "MISS");
            headers.put(HeaderNames.CACHE_TTL, miss.ttlSeconds());
            headers.add(
                    HeaderNames.STANDARD_CACHE_STATUS,
                    miss.stored() ? "refrain; fwd=miss; stored" : "refrain; fwd=miss");
        } else if (outcome instanceof CacheOutcome.Bypass bypass) {
            headers.put(HeaderNames.CACHE_STATUS, "MISS");
            headers.add(
                    HeaderNames.STANDARD_CACHE_STATUS,
                    "refrain; fwd=bypass; detail=" + bypass.reason().detail());
        }
    }
}
