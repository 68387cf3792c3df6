package dev.refrain.http.activity;

import dev.refrain.engine.Savings;

/**
 * What a request cost and saved; {@link Activity#UNKNOWN} where that is not known.
 *
 * @param promptTokens used, 0 if the cache answered
 * @param completionTokens used, 0 if the cache answered
 * @param tokensUsed by all calls that were made for it, 0 if not known
 * @param tokensSaved what the repeated answer had cost
 * @param millisSaved by how much longer the repeated answer had taken
 * @param moneySavedNanos in billionths of the currency
 * @param costNanos in billionths of the currency
 */
record Effort(
        long promptTokens,
        long completionTokens,
        long tokensUsed,
        long tokensSaved,
        long millisSaved,
        long moneySavedNanos,
        long costNanos) {
    static Effort of(Account account, Prices prices) {
        UsageTap usage = account.usage();
        long used = usage == null ? 0 : usage.tokens();
        if (account.outcome().isCached()) {
            Savings savings = account.savings();
            return new Effort(
                    0,
                    0,
                    used,
                    savings.tokens(),
                    account.millisSaved(savings),
                    savings.tokens() > 0 ? prices.nanos(account.model(), savings) : Activity.UNKNOWN,
                    0);
        }
        long prompt = usage == null ? Activity.UNKNOWN : usage.promptTokens();
        long completion = usage == null ? Activity.UNKNOWN : usage.completionTokens();
        long cost = prompt < 0 || completion < 0 ? Activity.UNKNOWN : prices.nanos(account.model(), prompt, completion);
        return new Effort(prompt, completion, used, 0, 0, Activity.UNKNOWN, cost);
    }
}
