package dev.refrain.console.activity;

import java.math.BigDecimal;

/** Requests over time, counted by the minute in which they ended. Its records are immutable. */
public final class TimeSeries {
    private TimeSeries() {}

    /** A stretch of time up to now, cut into steps. */
    public enum Range {
        HOUR(60, 60),
        DAY(144, 600),
        WEEK(168, 3600);

        private final int steps;
        private final int stepSeconds;

        Range(int steps, int stepSeconds) {
            this.steps = steps;
            this.stepSeconds = stepSeconds;
        }

        /** The number of steps, the one under way included. */
        public int steps() {
            return steps;
        }

        /** Length of a step in seconds; steps begin at multiples of it. */
        public int stepSeconds() {
            return stepSeconds;
        }
    }

    /**
     * One step.
     *
     * @param epochSeconds when it begins
     * @param moneySpent what the fetched answers cost, as far as that is known
     * @param hitP50 percentile of the duration of hits in milliseconds; like the other three null if there were none
     */
    public record Point(
            long epochSeconds,
            Stats.Counts requests,
            long tokensSaved,
            long tokensUsed,
            long millisSaved,
            BigDecimal moneySaved,
            BigDecimal moneySpent,
            Double hitP50,
            Double hitP99,
            Double missP50,
            Double missP99) {}
}
