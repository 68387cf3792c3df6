package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Savings;

/**
 * What a request cost and saved; {@link Activity#UNKNOWN} where that is not known.
 *
 * @param promptTokens used, 0 if the cache answered
 * @param completionTokens used, 0 if the cache answered
 * @param tokensUsed by all calls that were made for the request, 0 if not known
 * @param tokensSaved tokens that the fetch of the repeated answer used
 * @param millisSaved milliseconds by which the fetch of the repeated answer took longer
 * @param moneySavedNanos in billionths of the currency
 * @param costNanos in billionths of the currency
 */
record Cost(
        long promptTokens,
        long completionTokens,
        long tokensUsed,
        long tokensSaved,
        long millisSaved,
        long moneySavedNanos,
        long costNanos) {
    /** The cost of a closed account. A hit saves the cost of its fetch, counted and priced as the cost of a miss is. */
    static Cost of(Account account, Prices prices) {
        AnswerFacts used = account.used() == null ? AnswerFacts.NONE : account.used();
        if (account.outcome().isCached()) {
            Savings savings = account.savings();
            return new Cost(
                    0,
                    0,
                    used.tokensOrNone(),
                    savings.tokens(),
                    account.millisSaved(savings),
                    prices.nanos(account.model(), savings.answer()),
                    0);
        }
        // The savings are zero, unless some items of the answer were stored.
        Savings savings = account.savings();
        return new Cost(
                used.promptTokens(),
                used.completionTokens(),
                used.tokensOrNone(),
                savings.tokens(),
                0,
                savings.tokens() > 0 ? prices.nanos(account.model(), savings.answer()) : Activity.UNKNOWN,
                prices.nanos(account.model(), used));
    }
}
