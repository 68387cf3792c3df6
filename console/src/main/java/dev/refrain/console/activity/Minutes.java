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
    /** The longest range and the step under way. */
    static final long KEPT_MINUTES = 8 * 24 * 60L;

    private final NavigableMap<Long, byte[]> past = new TreeMap<>();
    private final Minute current = new Minute();
    /** Minute since the epoch; none before the first record. */
    private long currentMinute = -1;
    /** The latest minute that was written; it may have grown since. */
    private long savedMinute = Long.MAX_VALUE;

    private long rewinds;

    /** How often a record was counted in an earlier minute, because the clock went back. */
    long rewinds() {
        return rewinds;
    }

    /** Takes over a minute that an earlier process counted, unless this process has counted in it, too. */
    void restore(long minute, byte[] bytes) {
        if (minute != currentMinute) {
            past.putIfAbsent(minute, bytes);
        }
    }

    /**
     * The counts that a request belongs to which ended at this time. Requests of the last two minutes may come in any
     * order. If the clock was set back further, the minute of then becomes the current one again.
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

    /** The minutes since the given one, the one under way included. */
    NavigableMap<Long, byte[]> since(long minute) {
        NavigableMap<Long, byte[]> copy = new TreeMap<>(past.tailMap(minute, true));
        if (currentMinute >= minute && currentMinute >= 0) {
            copy.put(currentMinute, current.encode());
        }
        return copy;
    }

    /** Adds minutes up to steps, and caches the steps that are over. Thread-safe. */
    static final class Steps {
        private record Key(Range range, long step) {}

        private final Map<Key, Point> finished = new HashMap<>();
        private long seenRewinds;

        /** @param rewinds of the minutes, at the time they were asked for */
        synchronized List<Point> fold(Range range, long nowSeconds, NavigableMap<Long, byte[]> minutes, long rewinds) {
            if (rewinds != seenRewinds) {
                seenRewinds = rewinds;
                finished.clear();
            }
            long last = nowSeconds / range.stepSeconds();
            long first = last - range.steps() + 1;
            // What has not come yet, or comes again because the clock went back, is not over.
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

        /** The steps from one to another, both included, of which none is cached. */
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
