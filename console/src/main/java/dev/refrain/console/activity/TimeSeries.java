package dev.refrain.console.activity;

import java.math.BigDecimal;
import java.util.List;

/** Requests over time, counted by the minute in which they ended. Its records are immutable. */
public final class TimeSeries {
    /** How far back the time series goes, in milliseconds: eight days. */
    public static final long KEPT_MILLIS = Minutes.KEPT_MINUTES * 60_000;

    /** The most steps of a freely chosen period. */
    static final int MOST_STEPS = 180;

    /**
     * Possible lengths of a step in seconds. A period takes the shortest that needs no more than {@link #MOST_STEPS}.
     */
    private static final int[] STEPS = {60, 300, 600, 1800, 3600, 7200};

    private TimeSeries() {}

    /** The length of the steps of a period, in seconds. */
    static int stepSeconds(long firstSecond, long lastSecond) {
        for (int step : STEPS) {
            if (lastSecond / step - firstSecond / step < MOST_STEPS) {
                return step;
            }
        }
        throw new IllegalArgumentException(
                "a time range longer than what is kept: " + (lastSecond - firstSecond) + " s");
    }

    /**
     * A period in steps.
     *
     * @param stepSeconds length of a step; steps begin at multiples of it
     * @param points one for each step, in their order
     */
    public record Steps(int stepSeconds, List<Point> points) {}

    /** A period that ends now, in steps. */
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

        /** The number of steps, with the current one. */
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
     * @param hitP50 median of the duration of hits, in milliseconds; null if there were none, as is each of the others
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
