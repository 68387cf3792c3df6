package dev.refrain.console.activity;

import dev.refrain.engine.exchange.Endpoint;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * The counters since the start. They are counted where requests end, so that they include requests that the log
 * dropped. Thread-safe.
 */
final class Totals {
    private static final class PerEndpoint {
        final Map<Outcome, LongAdder> outcomes = new EnumMap<>(Outcome.class);
        final LongAdder errors = new LongAdder();

        PerEndpoint() {
            Outcome.ALL.forEach(outcome -> outcomes.put(outcome, new LongAdder()));
        }

        Stats.Counts counts() {
            return new Stats.Counts(
                    outcomes.get(Outcome.HIT).sum(),
                    outcomes.get(Outcome.COLLAPSED).sum(),
                    outcomes.get(Outcome.STALE).sum(),
                    outcomes.get(Outcome.MISS).sum(),
                    outcomes.get(Outcome.BYPASS).sum(),
                    outcomes.get(Outcome.OFF).sum(),
                    errors.sum());
        }
    }

    private final Map<Endpoint, PerEndpoint> endpoints = new EnumMap<>(Endpoint.class);
    final LongAdder bytes = new LongAdder();
    final LongAdder tokensSaved = new LongAdder();
    final LongAdder tokensUsed = new LongAdder();
    final LongAdder millisSaved = new LongAdder();
    final LongAdder moneySavedNanos = new LongAdder();
    final LongAdder moneySpentNanos = new LongAdder();
    final LongAdder unpricedTokens = new LongAdder();

    Totals() {
        for (Endpoint endpoint : Endpoint.values()) {
            endpoints.put(endpoint, new PerEndpoint());
        }
    }

    void add(Account account, Cost cost) {
        PerEndpoint counts = endpoints.get(account.endpoint());
        Outcome outcome = account.outcome();
        counts.outcomes.get(outcome).increment();
        if (account.isError()) {
            counts.errors.increment();
        }
        bytes.add(account.bytes());
        if (cost.tokensUsed() > 0) {
            tokensUsed.add(cost.tokensUsed());
        }
        if (cost.costNanos() > 0) {
            moneySpentNanos.add(cost.costNanos());
        }
        if (outcome.isCached()) {
            millisSaved.add(cost.millisSaved());
        }
        // Not only for cached outcomes: some items of a fetched answer may have been stored.
        if (cost.tokensSaved() > 0) {
            tokensSaved.add(cost.tokensSaved());
            if (cost.moneySavedNanos() == Activity.UNKNOWN) {
                unpricedTokens.add(cost.tokensSaved());
            } else if (cost.moneySavedNanos() > 0) {
                moneySavedNanos.add(cost.moneySavedNanos());
            }
        }
    }

    Map<Endpoint, Stats.Counts> byEndpoint() {
        Map<Endpoint, Stats.Counts> counts = new EnumMap<>(Endpoint.class);
        endpoints.forEach((endpoint, of) -> counts.put(endpoint, of.counts()));
        return Collections.unmodifiableMap(counts);
    }
}
