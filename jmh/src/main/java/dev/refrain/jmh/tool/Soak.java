package dev.refrain.jmh.tool;

import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.internal.store.Inspection;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.testing.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/**
 * Lets one to three processes work on a store, and kills them by SIGKILL at random instants: while they start, open,
 * recover, resize, put, evict, sweep and remove. Some are first stopped by SIGSTOP for a while. Then it checks the
 * store: every entry must be one that some process stored under its key, no operation may exceed its bound, and the
 * store must accept entries again. In one of three episodes this process has the store open as well, and survives.
 */
final class Soak {
    private static final int MAX_WORKERS = 3;
    private static final int MAX_MILLIS_TO_OPEN = 700;
    private static final int MAX_MILLIS_AT_WORK = 300;
    /** Longer than the second for which others wait for a lock. */
    private static final int LONG_STOP_MILLIS = 1_300;

    private static final int SHORT_STOP_MILLIS = 100;
    private static final long CAPACITY = 16L << 20;
    private static final long OTHER_CAPACITY = 20L << 20;

    private final Path file;
    private final SplittableRandom random;
    private final SoakPlan plan = new SoakPlan();
    private final EntryBuffer found = new EntryBuffer(1 << 16);
    private final List<String> faults = new ArrayList<>();

    private int kills;
    private int writers;
    private long checked;
    private long slowestOpening;
    private long slowestOperation;

    Soak(Path file, long seed) {
        this.file = file;
        this.random = new SplittableRandom(seed);
        this.writers = random.nextInt() & 0xFFFFFF;
    }

    /**
     * @param kills processes killed
     * @param checked entries read and compared byte for byte
     * @param slowestOpening the longest time that an opening took in this process
     * @param slowestOperation the longest time that one operation took in this process
     * @param faults what is wrong; empty if nothing is
     */
    record Result(int kills, long checked, Duration slowestOpening, Duration slowestOperation, List<String> faults) {
        @Override
        public String toString() {
            return kills + " processes killed, " + checked + " entries checked, slowest opening "
                    + slowestOpening.toMillis() + " ms, slowest operation " + slowestOperation.toMillis() + " ms, "
                    + faults.size() + " faults";
        }
    }

    Result result() {
        return new Result(
                kills,
                checked,
                Duration.ofNanos(slowestOpening),
                Duration.ofNanos(slowestOperation),
                List.copyOf(faults));
    }

    /** Starts some processes, kills them one after the other and looks at the store. */
    void episode() throws IOException, InterruptedException {
        long capacity = random.nextInt(10) == 0 ? OTHER_CAPACITY : CAPACITY;
        ChronicleStore survivor = random.nextInt(3) == 0 ? open(capacity) : null;
        List<Worker> workers = new ArrayList<>();
        try {
            for (int i = 1 + random.nextInt(MAX_WORKERS); i > 0; i--) {
                workers.add(start(capacity));
            }
            for (Worker worker : workers) {
                kill(worker);
                if (survivor != null) {
                    work(survivor, random.nextInt(200));
                }
            }
        } finally {
            workers.forEach(worker -> worker.process().destroyForcibly());
            if (survivor != null) {
                check(survivor);
                survivor.close();
            }
        }
        try (ChronicleStore store = open(capacity)) {
            check(store);
            requireWrites(store);
            if (store.stats().failures() > 0) {
                faults.add("operations failed after a recovery: " + store.stats());
            }
        }
        inspect();
    }

    private record Worker(Process process, BufferedReader out) {}

    private Worker start(long capacity) throws IOException {
        Process process = ChildJvm.builder(SoakWorker.class, file, capacity, writers++)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        return new Worker(process, process.inputReader(StandardCharsets.UTF_8));
    }

    private void kill(Worker worker) throws IOException, InterruptedException {
        boolean atWork = random.nextInt(4) > 0;
        if (atWork && !"ready".equals(worker.out().readLine())) {
            faults.add("a process did not come to open the store");
        }
        int millis = random.nextInt(atWork ? MAX_MILLIS_AT_WORK : MAX_MILLIS_TO_OPEN);
        if (worker.process().waitFor(millis, TimeUnit.MILLISECONDS)) {
            faults.add("a process ended by itself with " + worker.process().exitValue());
        }
        boolean isStopped = random.nextInt(3) == 0 && stopForAWhile(worker);
        // Kills through the handle, because {@code Process} would close the streams as well.
        worker.process().toHandle().destroyForcibly();
        worker.process().waitFor();
        // A stopped process counts the stop as time of its operation, so its reports of slow operations are ignored.
        worker.out()
                .lines()
                .filter(line -> !line.equals("ready") && !(isStopped && line.contains(" took ")))
                .forEach(faults::add);
        kills++;
    }

    /**
     * Stops a process at a random point, with its locks held, while the others continue. Returns whether it was
     * continued.
     */
    private boolean stopForAWhile(Worker worker) throws IOException, InterruptedException {
        signal(worker, "STOP");
        TimeUnit.MILLISECONDS.sleep(random.nextInt(8) == 0 ? LONG_STOP_MILLIS : SHORT_STOP_MILLIS);
        boolean goesOn = random.nextBoolean();
        if (goesOn) {
            signal(worker, "CONT");
            TimeUnit.MILLISECONDS.sleep(random.nextInt(SHORT_STOP_MILLIS));
        }
        return goesOn;
    }

    private static void signal(Worker worker, String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", "-" + name, Long.toString(worker.process().pid()))
                .start()
                .waitFor();
    }

    private ChronicleStore open(long capacity) throws IOException {
        long start = System.nanoTime();
        ChronicleStore store = ChronicleStore.open(file, capacity, Clock.systemUTC());
        long taken = System.nanoTime() - start;
        slowestOpening = Math.max(slowestOpening, taken);
        if (Bounds.isTooLongForOpening(taken)) {
            faults.add("opening took " + Duration.ofNanos(taken));
        }
        return store;
    }

    /** Lets the survivor do a few steps of a writer, and sweep. */
    private void work(ChronicleStore store, int steps) {
        int writer = writers++;
        for (int step = 0; step < steps; step++) {
            EntryBuffer entry = plan.entry(writer, step, System.currentTimeMillis());
            int key = SoakPlan.step(writer, step).key();
            timed("put", () -> store.put(SoakPlan.key(key), entry));
        }
        timed("sweep", () -> store.sweep(System.currentTimeMillis()));
    }

    private void timed(String what, Runnable operation) {
        long start = System.nanoTime();
        operation.run();
        long taken = System.nanoTime() - start;
        slowestOperation = Math.max(slowestOperation, taken);
        if (Bounds.isTooLongForAnOperation(taken)) {
            faults.add(what + " took " + Duration.ofNanos(taken));
        }
    }

    private void check(ChronicleStore store) {
        for (int i = 0; i < SoakPlan.KEYS; i++) {
            int key = i;
            timed("get", () -> {
                if (store.get(SoakPlan.key(key), found)) {
                    checked++;
                    if (!plan.isGenuine(key, found)) {
                        faults.add("wrong entry under key " + key);
                    }
                }
            });
        }
    }

    private void requireWrites(ChronicleStore store) {
        int writer = writers++;
        for (int step = 0; step < 100; step++) {
            int key = SoakPlan.step(writer, step).key();
            EntryBuffer entry = plan.entry(writer, step, System.currentTimeMillis());
            if (!store.put(SoakPlan.key(key), entry) || !store.get(SoakPlan.key(key), found)) {
                faults.add("an entry of " + entry.length() + " bytes was not stored after a recovery");
            }
        }
    }

    private void inspect() throws IOException {
        Inspection.Report report = Inspection.of(file, System.currentTimeMillis(), percent -> {});
        if (report.damaged() > 0 || report.lockedSegments() > 0 || report.opens() != 0) {
            faults.add("left behind by a clean closing: " + report);
        }
    }

    /**
     * Exits with 1 if there are faults.
     *
     * @param arguments the store's file, and seconds
     */
    @SuppressWarnings("SystemOut") // the output of a command-line program
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Soak soak = new Soak(Path.of(arguments[0]), System.nanoTime());
        long length = TimeUnit.SECONDS.toNanos(Long.parseLong(arguments[1]));
        long start = System.nanoTime();
        ProgressLine progress = ProgressLine.onTerminal();
        long passed;
        while ((passed = System.nanoTime() - start) < length && soak.faults.isEmpty()) {
            progress.at((int) (100 * passed / length), soak.kills + " processes killed");
            soak.episode();
        }
        Result result = soak.result();
        System.out.println(result);
        result.faults().forEach(System.out::println);
        System.exit(result.faults().isEmpty() ? 0 : 1);
    }
}
