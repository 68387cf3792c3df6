package dev.refrain.engine;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Lets a few threads meet in one short scenario, again and again, each time with another shift between them. The
 * threads are real, because these also show faults of visibility, and because the model checker Lincheck does not
 * support {@code VarHandle}s.
 */
@SuppressWarnings("ThreadPriorityCheck") // yields only let the third thread run on two processors
public final class Races {
    /** How long each scenario is repeated, in seconds; {@code -Drefrain.races.seconds} sets another time. */
    private static final long SECONDS = Long.getLong("refrain.races.seconds", 1);

    /**
     * The maximum head start of one thread is two to this power, in spins of some 10 ns: as long as a scenario takes.
     * The power is random too, because critical points are often only nanoseconds apart.
     */
    private static final int MAX_SHIFT_POWER = 11;

    private static final int LEAST_TIMES = 100;

    private static final ExecutorService THREADS = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "racer");
        thread.setDaemon(true);
        return thread;
    });

    private Races() {}

    /** Repeats a scenario that throws if something is wrong: for some time, and at least a hundred times. */
    public static void check(Runnable scenario) {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        int times = 0;
        do {
            scenario.run();
            times++;
        } while (times < LEAST_TIMES || System.nanoTime() < until);
    }

    /** For use in a scenario: runs tasks at the same time, to their ends. */
    public static void together(Runnable... tasks) {
        AtomicInteger ready = new AtomicInteger(tasks.length);
        AtomicInteger running = new AtomicInteger(tasks.length);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        for (int i = 1; i < tasks.length; i++) {
            Runnable task = tasks[i];
            THREADS.execute(() -> race(task, ready, running, failure));
        }
        race(tasks[0], ready, running, failure);
        while (running.get() > 0) {
            Thread.yield();
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    private static void race(
            Runnable task, AtomicInteger ready, AtomicInteger running, AtomicReference<Throwable> failure) {
        ready.decrementAndGet();
        while (ready.get() > 0) {
            Thread.yield();
        }
        ThreadLocalRandom random = ThreadLocalRandom.current();
        int shift = random.nextInt(1 << random.nextInt(MAX_SHIFT_POWER + 1));
        for (int i = 0; i < shift; i++) {
            Thread.onSpinWait();
        }
        try {
            task.run();
        } catch (Throwable e) {
            failure.set(e);
        }
        running.decrementAndGet();
    }
}
