package dev.refrain.console.activity;

import dev.refrain.console.activity.TimeSeries.Point;
import dev.refrain.console.activity.TimeSeries.Range;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The counts of the last days by minute. The current minute grows; earlier ones are encoded, in a few hundred bytes
 * each. Guarded by the log's lock, except {@link Steps}.
 */
final class Minutes {
    /** How many minutes are kept: the longest range, and one more day for its first and its current step. */
    static final long KEPT_MINUTES = 8 * 24 * 60L;

    private final NavigableMap<Long, byte[]> past = new TreeMap<>();
    private final Minute current = new Minute();
    /** The growing minute, counted since the epoch; -1 before the first record. */
    private long currentMinute = -1;
    /** The earliest minute that may have changed since it was last written. */
    private long savedMinute = Long.MAX_VALUE;

    private long rewinds;

    /** How often an earlier minute became the current one again, because the clock went back. */
    long rewinds() {
        return rewinds;
    }

    /** Adopts a minute that an earlier process counted, unless this process has counted in it, too. */
    void restore(long minute, byte[] bytes) {
        if (minute != currentMinute) {
            past.putIfAbsent(minute, bytes);
        }
    }

    /**
     * The counts for a request that ended at this time. Requests of the last two minutes may come in any order. If the
     * clock was set back further, that earlier minute becomes the current one again.
     */
    Minute at(long endMillis) {
        long minute = Math.floorDiv(endMillis, 60_000L);
        boolean isBack = minute < currentMinute - 1;
        if (minute > currentMinute || isBack) {
            rewinds += isBack ? 1 : 0;
            if (currentMinute >= 0) {
                past.put(currentMinute, current.encode());
            }
            begin(minute);
        }
        return current;
    }

    private void begin(long minute) {
        savedMinute = Math.min(savedMinute, minute);
        currentMinute = minute;
        current.clear();
        byte[] begun = past.remove(minute);
        if (begun != null) {
            current.add(begun);
        }
        past.headMap(minute - KEPT_MINUTES).clear();
    }

    /** Writes what has changed since the last time. Returns false if that failed. */
    boolean save(Journal journal) {
        if (currentMinute >= 0) {
            for (long minute : past.tailMap(Math.max(savedMinute, 0), true).keySet()) {
                if (!journal.putMinute(minute, past.get(minute))) {
                    return false;
                }
            }
            if (!journal.putMinute(currentMinute, current.encode())) {
                return false;
            }
            savedMinute = currentMinute;
        }
        return true;
    }

    /** The minutes since the given one, with the current minute. */
    NavigableMap<Long, byte[]> since(long minute) {
        NavigableMap<Long, byte[]> copy = new TreeMap<>(past.tailMap(minute, true));
        if (currentMinute >= minute && currentMinute >= 0) {
            copy.put(currentMinute, current.encode());
        }
        return copy;
    }

    /** Sums minutes up into steps, and caches the steps that are over. Thread-safe. */
    static final class Steps {
        private record Key(Range range, long step) {}

        private final Map<Key, Point> finished = new HashMap<>();
        private long seenRewinds;

        /**
         * The steps of a range, one point for each.
         *
         * @param rewinds {@link Minutes#rewinds} when the minutes were read
         */
        synchronized List<Point> fold(Range range, long nowSeconds, NavigableMap<Long, byte[]> minutes, long rewinds) {
            if (rewinds != seenRewinds) {
                seenRewinds = rewinds;
                finished.clear();
            }
            long last = nowSeconds / range.stepSeconds();
            long first = last - range.steps() + 1;
            // Steps in the future, and steps that come again because the clock went back, are not over.
            finished.keySet().removeIf(key -> key.range() == range && (key.step() < first || key.step() >= last - 1));
            List<Point> points = new ArrayList<>();
            for (long step = first; step <= last; step++) {
                // A request that has just ended may still be counted for the step before.
                Point known = step < last - 1 ? finished.get(new Key(range, step)) : null;
                if (known == null) {
                    known = point(step, range.stepSeconds(), minutes);
                    finished.put(new Key(range, step), known);
                }
                points.add(known);
            }
            return points;
        }

        /** The steps from first to last, both included. Caches none of them. */
        static List<Point> points(long first, long last, int stepSeconds, NavigableMap<Long, byte[]> minutes) {
            List<Point> points = new ArrayList<>();
            for (long step = first; step <= last; step++) {
                points.add(point(step, stepSeconds, minutes));
            }
            return points;
        }

        private static Point point(long step, int stepSeconds, NavigableMap<Long, byte[]> minutes) {
            long begin = step * stepSeconds;
            Minute sum = new Minute();
            minutes.subMap(begin / 60, (begin + stepSeconds) / 60).values().forEach(sum::add);
            return sum.toPoint(begin);
        }
    }
}
