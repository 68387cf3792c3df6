package dev.refrain.engine.exchange;

/**
 * What an answer states about itself: its tokens, its cost and why it ended (wire rule W61). Every answer is counted in
 * the same way, which docs/HTTP.md describes under "One way to count". Immutable and thread-safe.
 *
 * @param id the answer's own id, or null if it has none that is valid in a header field
 * @param promptTokens tokens of the request, or {@link #UNKNOWN}
 * @param completionTokens tokens of the answer, including its reasoning, or {@link #UNKNOWN}
 * @param tokens all tokens, at least the sum of the two others, or {@link #UNKNOWN}
 * @param costNanos the cost that the provider states, in billionths of its currency, or {@link #UNKNOWN}
 * @param finishReason why the answer ended, in the provider's words, or null
 */
public record AnswerFacts(
        String id, long promptTokens, long completionTokens, long tokens, long costNanos, String finishReason) {
    /** Stands for a number that the answer does not state. */
    public static final long UNKNOWN = -1;

    /** Nothing is known. */
    public static final AnswerFacts NONE = new AnswerFacts(null, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, null);

    /** All tokens; 0 if they are not known. */
    public long tokensOrNone() {
        return Math.max(0, tokens);
    }
}
