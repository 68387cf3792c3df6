package dev.refrain.engine.exchange;

/**
 * What an answer says of itself: what it cost and why it ended (wire rule W61). Every answer is counted in the same
 * way, which docs/HTTP.md describes under "One way to count". Immutable and thread-safe.
 *
 * @param id the answer's own id, or null if there is none that could stand in a header field
 * @param promptTokens tokens of the request, or {@link #UNKNOWN}
 * @param completionTokens tokens of the answer, those of its reasoning included, or {@link #UNKNOWN}
 * @param tokens all tokens, at least the sum of the two others, or {@link #UNKNOWN}
 * @param costNanos what the provider itself says that the answer cost, in
 *     billionths of its currency, or {@link #UNKNOWN}
 * @param finishReason why the answer ended, in the provider's words, or null
 */
public record AnswerFacts(
        String id, long promptTokens, long completionTokens, long tokens, long costNanos, String finishReason) {
    /** Stands for a number that the answer did not say. */
    public static final long UNKNOWN = -1;

    /** Nothing is known. */
    public static final AnswerFacts NONE = new AnswerFacts(null, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, null);

    /** All tokens; 0 if they are not known. */
    public long tokensOrNone() {
        return Math.max(0, tokens);
    }
}
