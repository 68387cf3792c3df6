package dev.refrain.jmh.http;

import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Measures how often the machine takes the processor away from a thread that is always ready to run. No server on this
 * machine can have better delays.
 *
 * <p>Argument: seconds. To be pinned to a processor on which nothing else runs.
 */
public final class Hiccups {
    private long last = System.nanoTime();
    private long count;
    private long longer;
    private long worst;

    /** To be called in a loop without pauses. Returns the time since the last call. */
    long turn(long now) {
        long gap = now - last;
        last = now;
        if (gap > TimeUnit.MILLISECONDS.toNanos(1)) {
            count++;
            worst = Math.max(worst, gap);
            if (gap > TimeUnit.MILLISECONDS.toNanos(5)) {
                longer++;
            }
        }
        return gap;
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "held up over 1 ms %d times, over 5 ms %d times, worst %d us",
                count,
                longer,
                worst / 1000);
    }

    /** Prints one line. */
    @SuppressWarnings("SystemOut") // the output of a command-line program
    public static void main(String[] arguments) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(arguments[0]));
        Hiccups hiccups = new Hiccups();
        for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
            hiccups.turn(now);
        }
        System.out.println(hiccups);
    }
}
