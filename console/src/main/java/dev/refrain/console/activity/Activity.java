package dev.refrain.console.activity;

import dev.refrain.engine.exchange.Endpoint;
import java.math.BigDecimal;

/**
 * One request in the log. Unknown texts are null, unknown numbers are {@link #UNKNOWN}. Immutable and thread-safe.
 *
 * @param sequence place in the log; later requests have greater numbers
 * @param id generation id of the response, null if the client had gone before there was one
 * @param createdAtMillis when the request came, milliseconds since the epoch
 * @param model the model that was asked for upstream
 * @param preset slug of the preset that was configured here and applied
 * @param scope configured name of the API key, or twelve hex digits that stand for it
 * @param scopeTag sixteen hexadecimal digits that stand for the caller, see
 *     {@link dev.refrain.engine.CacheScope#hexTag}
 * @param streamed whether an event stream was asked for
 * @param status status of the response, 499 if the client had gone before there was one
 * @param reason of an error made here, or of a bypass, as in {@code Cache-Status} or more precise; {@code shared} if
 *     another machine had stored the answer, {@code elsewhere} if another machine made the call; {@code items} or
 *     {@code partial} if each item of the answer has an entry of its own; else null
 * @param sourceId generation id of the answer that was repeated, else null
 * @param key the cache key's first twelve hex digits
 * @param durationMicros from the request's head until the last byte of the response was handed to the connection
 * @param latencyMicros from the request's head until the head of the response
 * @param bytes of the response's body
 * @param promptTokens used for this request, 0 if it was answered by the cache
 * @param completionTokens used for this request, 0 if it was answered by the cache
 * @param tokensSaved tokens that the fetch of the repeated answer used
 * @param millisSaved milliseconds by which the fetch of the repeated answer took longer
 * @param moneySavedNanos cost of the repeated answer when it was fetched, in the unit of {@code costNanos}
 * @param costNanos cost as the provider stated it, else by the configured prices; in billionths of the currency
 * @param finishReason as the provider said it
 * @param cut whether the response broke off
 * @param policy name of the policy that held for the request
 * @param namespace named by the request; null if it named none, or was not eligible
 * @param requestId id by which the logs of client, proxy and provider find the request; the response's id unless the
 *     request had one of its own
 */
public record Activity(
        long sequence,
        String id,
        long createdAtMillis,
        Endpoint endpoint,
        String model,
        String preset,
        String scope,
        String scopeTag,
        boolean streamed,
        int status,
        Outcome outcome,
        String reason,
        String sourceId,
        String key,
        long durationMicros,
        long latencyMicros,
        long bytes,
        long promptTokens,
        long completionTokens,
        long tokensSaved,
        long millisSaved,
        long moneySavedNanos,
        long costNanos,
        String finishReason,
        boolean cut,
        String policy,
        String namespace,
        String requestId) {
    /** Stands for a number that is not known. */
    public static final long UNKNOWN = -1;

    /** The reason of an answer whose items were all stored, or were all fetched (wire rule W86). */
    static final String ITEMS = "items";
    /** The reason of an answer of which some items were stored and some were fetched. */
    static final String PARTIAL = "partial";

    /** Whether each item of the answer has an entry, rather than the answer as a whole. */
    public boolean isOfItems() {
        return ITEMS.equals(reason) || PARTIAL.equals(reason);
    }

    /** All tokens that were used for this request, 0 if that is not known. */
    public long tokensUsed() {
        return Math.max(0, promptTokens) + Math.max(0, completionTokens);
    }

    /** The same request under another name of its API key. */
    Activity named(String label) {
        return new Activity(
                sequence,
                id,
                createdAtMillis,
                endpoint,
                model,
                preset,
                label,
                scopeTag,
                streamed,
                status,
                outcome,
                reason,
                sourceId,
                key,
                durationMicros,
                latencyMicros,
                bytes,
                promptTokens,
                completionTokens,
                tokensSaved,
                millisSaved,
                moneySavedNanos,
                costNanos,
                finishReason,
                cut,
                policy,
                namespace,
                requestId);
    }

    /** Money saved, or null if that is not known. */
    public BigDecimal moneySaved() {
        return Prices.amount(moneySavedNanos);
    }

    /** What the request cost, or null if that is not known. */
    public BigDecimal cost() {
        return Prices.amount(costNanos);
    }

    /** Whether the response was an error, or broke off. */
    public boolean isError() {
        return status >= 400 || cut;
    }
}
