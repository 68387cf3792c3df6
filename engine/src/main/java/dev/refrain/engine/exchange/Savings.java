package dev.refrain.engine.exchange;

import java.util.Objects;

/**
 * What an answer from the cache saves: its cost when it was fetched. Immutable and thread-safe.
 *
 * @param answer what the answer states about itself: tokens, cost, and why it ended; never null
 * @param fetchMillis milliseconds that fetching the answer took, 0 if not known
 */
public record Savings(AnswerFacts answer, long fetchMillis) {
    /** Nothing is known. */
    public static final Savings NONE = new Savings(AnswerFacts.NONE, 0);

    /** Requires the facts. */
    public Savings {
        Objects.requireNonNull(answer, "answer");
    }

    /** All tokens, 0 if the provider did not count them. */
    public long tokens() {
        return answer.tokensOrNone();
    }
}
