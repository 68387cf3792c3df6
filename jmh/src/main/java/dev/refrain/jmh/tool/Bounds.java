package dev.refrain.jmh.tool;

import java.lang.management.ManagementFactory;
import java.time.Duration;

/** Limits of time for operations on a store while processes are being killed. */
final class Bounds {
    /** Limit of an opening that has to recover the store. */
    private static final Duration OPENING = Duration.ofSeconds(10);
    /**
     * Limit of one operation. Each of three killed processes may have left a lock, and an operation waits for each lock
     * once, for a second.
     */
    private static final Duration OPERATION = Duration.ofSeconds(4);

    private Bounds() {}

    static boolean isTooLongForOpening(long nanos) {
        return nanos > OPENING.toNanos() * crowd();
    }

    static boolean isTooLongForAnOperation(long nanos) {
        return nanos > OPERATION.toNanos() * crowd();
    }

    /**
     * Runnable threads for each processor. Chronicle Map spins while it waits, and counts the milliseconds in which it
     * runs. So its time limit of one second lasts as many seconds as threads share the processor.
     */
    private static double crowd() {
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        return Math.max(1, load / Runtime.getRuntime().availableProcessors());
    }
}
