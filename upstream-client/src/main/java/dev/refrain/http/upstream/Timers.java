package dev.refrain.http.upstream;

import java.util.concurrent.Future;

/** The time that calls and connections go by: the machine's, or one that a test moves. Thread-safe. */
interface Timers {
    /** As {@link System#nanoTime}. */
    long nanoTime();

    /** Runs a task on a thread of its own once so much time has passed, unless it is cancelled before. */
    Future<?> after(long nanos, Runnable task);
}
