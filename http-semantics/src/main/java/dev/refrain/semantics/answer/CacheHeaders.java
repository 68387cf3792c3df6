package dev.refrain.semantics.answer;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.Savings;

/**
 * Writes into a response's header what the cache did. Wire rules W21, W22, W27, W30, W33, W86, W90 and W92, and RFC
 * 9211 apply. Stateless.
 */
public final class CacheHeaders {
    /** Knows the price of what a hit saves. */
    @FunctionalInterface
    public interface Pricing {
        /** The money that an answer from the cache saves, such as {@code 0.0015 USD}; null if it is not known. */
        String cost(Savings savings);
    }

    /** Stands for the status of an upstream that has not answered. */
    private static final int NO_STATUS = 0;

    /** Responses with this status or a higher one are never stored, so they get no TTL field. */
    private static final int LEAST_ERROR = 400;

    /** Wire rule W92: the shared tier did not answer in time. */
    private static final String SHARED_UNAVAILABLE = "; detail=shared-unavailable";

    /** Wire rule W28: another machine made the call. */
    private static final String ELSEWHERE = "; detail=elsewhere";

    private CacheHeaders() {}

    /**
     * Writes the fields for an answer.
     *
     * @param outcome null where caching was off
     * @param key null if the request has none
     * @param status of the upstream's answer, if the request was forwarded
     * @param pricing of the request, with its model; null only if {@code outcome} is null
     */
    public static void write(CacheOutcome outcome, CacheKey key, int status, Pricing pricing, ResponseFields headers) {
        if (outcome instanceof CacheOutcome.Items items) {
            write(items.answer(), partial(items), key, status, pricing, headers);
        } else {
            write(outcome, "", key, status, pricing, headers);
        }
    }

    /** Wire rule W86: how many items of an answer the cache had; empty if it had none or all. */
    private static String partial(CacheOutcome.Items items) {
        return items.known() > 0 && items.known() < items.count()
                ? "; detail=partial-" + items.known() + "/" + items.count()
                : "";
    }

    private static void write(
            CacheOutcome outcome, String partial, CacheKey key, int status, Pricing pricing, ResponseFields headers) {
        if (outcome instanceof CacheOutcome.Hit hit) {
            writeHit(hit.ageSeconds(), hit.ttlSeconds(), hit.sourceId(), key, headers);
            writeSavings(hit.savings(), pricing, headers);
            writeStandard("hit; ttl=" + hit.ttlSeconds(), NO_STATUS, key, headers);
        } else if (outcome instanceof CacheOutcome.SharedHit shared) {
            CacheOutcome.Hit hit = shared.entry();
            writeHit(hit.ageSeconds(), hit.ttlSeconds(), hit.sourceId(), key, headers);
            writeSavings(hit.savings(), pricing, headers);
            // The cache that is nearest to the provider comes first (RFC 9211, 2).
            writeStandard(
                    "refrain-shared; hit; ttl=" + hit.ttlSeconds() + ", ",
                    "fwd=miss" + (shared.stored() ? "; stored" : ""),
                    NO_STATUS,
                    key,
                    headers);
        } else if (outcome instanceof CacheOutcome.HitOnError rescue) {
            CacheOutcome.Hit hit = rescue.entry();
            writeHit(hit.ageSeconds(), hit.ttlSeconds(), hit.sourceId(), key, headers);
            writeSavings(hit.savings(), pricing, headers);
            // If the entry has expired, the request was forwarded for that reason.
            ForwardReason reason = hit.ttlSeconds() <= 0 ? ForwardReason.STALE : rescue.reason();
            writeStandard("hit; ttl=" + hit.ttlSeconds() + "; fwd=" + reason.token(), rescue.status(), key, headers);
        } else if (outcome instanceof CacheOutcome.Collapsed collapsed) {
            writeHit(0, collapsed.ttlSeconds(), collapsed.sourceId(), key, headers);
            String joined = "; collapsed" + (collapsed.elsewhere() ? ELSEWHERE : "");
            writeStandard("fwd=" + collapsed.reason().token() + joined, status, key, headers);
        } else if (outcome instanceof CacheOutcome.Miss miss) {
            headers.put(CacheField.STATUS, "MISS");
            if (status < LEAST_ERROR) {
                headers.put(CacheField.TTL, Long.toString(miss.ttlSeconds()));
            }
            String forward = "fwd=" + miss.reason().token() + (miss.stored() ? "; stored" : "");
            String shared = miss.sharedUnavailable() ? SHARED_UNAVAILABLE : "";
            writeStandard(forward + (partial.isEmpty() ? shared : partial), status, key, headers);
        } else if (outcome instanceof CacheOutcome.Bypass bypass) {
            headers.put(CacheField.STATUS, "MISS");
            writeStandard("fwd=bypass; detail=" + bypass.reason().detail(), status, key, headers);
        }
    }

    /**
     * Writes the fields for an error of Refrain's own.
     *
     * @param outcome the outcome of a request whose upstream fails; null where caching was off
     */
    public static void write(CacheOutcome outcome, CacheKey key, ProxyException failure, ResponseFields headers) {
        if (outcome == null) {
            return;
        }
        headers.put(CacheField.STATUS, "MISS");
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

    private static void writeHit(long age, long ttl, String sourceId, CacheKey key, ResponseFields headers) {
        headers.put(CacheField.STATUS, "HIT");
        headers.put(CacheField.AGE, Long.toString(age));
        headers.put(CacheField.TTL, Long.toString(ttl));
        if (sourceId != null) {
            headers.put(CacheField.SOURCE_ID, sourceId);
        }
        if (key != null && key.streaming()) {
            // No proxy between here and the client may buffer a stream, whatever the provider's own field said (W28c).
            headers.put(CacheField.ACCEL_BUFFERING, "no");
        }
    }

    /** Writes the fields whose values are known. */
    private static void writeSavings(Savings savings, Pricing pricing, ResponseFields headers) {
        if (savings.tokens() > 0) {
            headers.put(CacheField.SAVED_TOKENS, Long.toString(savings.tokens()));
        }
        if (savings.fetchMillis() > 0) {
            headers.put(CacheField.SAVED_MS, Long.toString(savings.fetchMillis()));
        }
        String cost = pricing.cost(savings);
        if (cost != null) {
            headers.put(CacheField.SAVED_COST, cost);
        }
    }

    /** Adds Refrain's line (RFC 9211) after the lines of caches that are nearer to the provider. */
    private static void writeStandard(String parameters, int status, CacheKey key, ResponseFields headers) {
        writeStandard("", parameters, status, key, headers);
    }

    private static void writeStandard(
            String before, String parameters, int status, CacheKey key, ResponseFields headers) {
        StringBuilder field =
                new StringBuilder(96).append(before).append("refrain; ").append(parameters);
        if (status != NO_STATUS) {
            field.append("; fwd-status=").append(status);
        }
        if (key != null && key.sample() != CacheKey.NO_SAMPLE) {
            field.append("; sample=").append(key.sample());
        }
        if (key != null) {
            field.append("; key=\"").append(key.shortDigest()).append('"');
        }
        headers.add(CacheField.STANDARD_STATUS, field.toString());
    }
}
