package dev.refrain.jmh.tool;

import java.lang.management.ManagementFactory;
import java.time.Duration;

/** How long things may take while processes are being killed. */
final class Bounds {
    /** An opening that has to recover what others left behind. */
    private static final Duration OPENING = Duration.ofSeconds(10);
    /**
     * One operation. Each of three killed processes may have left a lock, and each lock is waited for once, for a
     * second.
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
     * Threads that want to run, for each processor. Chronicle Map waits spinning and counts the milliseconds that it
     * sees go by, so a second becomes as many seconds as there are threads to share the processor with.
     */
    private static double crowd() {
        double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
        return Math.max(1, load / Runtime.getRuntime().availableProcessors());
    }
}
