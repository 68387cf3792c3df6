package dev.refrain.console.activity;

import org.HdrHistogram.Histogram;

/** Makes histograms of durations: in microseconds, up to an hour, with two significant digits. */
final class Latencies {
    static final long MAX_MICROS = 3_600_000_000L;

    private static final int DIGITS = 2;

    private Latencies() {}

    static Histogram histogram() {
        return new Histogram(MAX_MICROS, DIGITS);
    }

    static long bounded(long micros) {
        return Math.max(0, Math.min(micros, MAX_MICROS));
    }

    /** A percentile in milliseconds, or null if nothing was counted. */
    static Double millis(Histogram histogram, double percentile) {
        return histogram.getTotalCount() == 0 ? null : histogram.getValueAtPercentile(percentile) / 1000.0;
    }

    static Stats.Latency summary(Histogram histogram) {
        if (histogram.getTotalCount() == 0) {
            return new Stats.Latency(0, 0, 0, 0, 0, 0);
        }
        return new Stats.Latency(
                histogram.getTotalCount(),
                millis(histogram, 50),
                millis(histogram, 90),
                millis(histogram, 99),
                millis(histogram, 99.9),
                histogram.getMaxValue() / 1000.0);
    }
}
