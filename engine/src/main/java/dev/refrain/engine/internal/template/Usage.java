package dev.refrain.engine.internal.template;

import static dev.refrain.engine.exchange.AnswerFacts.UNKNOWN;

/** The counted numbers of one {@code usage} object. Each is at least 0, or unknown. */
final class Usage {
    long prompt;
    long completion;
    long total;
    /** The cost, in billionths of its currency. */
    long costNanos;

    Usage() {
        clear();
    }

    void clear() {
        prompt = UNKNOWN;
        completion = UNKNOWN;
        total = UNKNOWN;
        costNanos = UNKNOWN;
    }

    /** Whether any number of tokens is known. */
    boolean countsTokens() {
        return prompt >= 0 || completion >= 0 || total >= 0;
    }
}
