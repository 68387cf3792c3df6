package dev.refrain.http.upstream;

import java.util.concurrent.Future;

/** The clock and timers of calls and connections: the machine's, or those of a test. Thread-safe. */
interface Timers {
    /** Monotonic time in nanoseconds, as {@link System#nanoTime}. */
    long nanoTime();

    /** Runs a task on a timer thread after this many nanoseconds, unless it is cancelled before. */
    Future<?> after(long nanos, Runnable task);
}
