package dev.refrain.jmh.tool;

import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.SplittableRandom;

/**
 * Puts, overwrites, reads, removes and sweeps until it is killed. Arguments: {@code file capacityBytes writer}. Prints
 * {@code ready} when the store is open, and after that only faults.
 */
final class SoakWorker {
    private final ChronicleStore store;
    private final int writer;
    private final SoakPlan plan = new SoakPlan();
    private final EntryBuffer found = new EntryBuffer(1 << 16);

    private SoakWorker(ChronicleStore store, int writer) {
        this.store = store;
        this.writer = writer;
    }

    /** Never returns. */
    @SuppressWarnings("SystemOut") // what its parent reads
    public static void main(String[] arguments) throws IOException {
        ChronicleStore store =
                ChronicleStore.open(Path.of(arguments[0]), Long.parseLong(arguments[1]), Clock.systemUTC());
        System.out.println("ready");
        new SoakWorker(store, Integer.parseInt(arguments[2])).run();
    }

    private void run() {
        SplittableRandom random = new SplittableRandom(writer);
        for (int step = 0; ; step++) {
            long start = System.nanoTime();
            String operation = act(step, random);
            long taken = System.nanoTime() - start;
            if (Bounds.isTooLongForAnOperation(taken)) {
                complain(operation + " took " + Duration.ofNanos(taken));
            }
        }
    }

    private String act(int step, SplittableRandom random) {
        int chance = random.nextInt(1_000);
        int key = random.nextInt(SoakPlan.KEYS);
        if (chance < 2) {
            store.sweep(System.currentTimeMillis());
            return "sweep";
        }
        if (chance < 50) {
            store.remove(SoakPlan.key(key));
            return "remove";
        }
        if (chance < 300) {
            if (store.get(SoakPlan.key(key), found) && !plan.isGenuine(key, found)) {
                complain("wrong entry under key " + key);
            }
            return "get";
        }
        EntryBuffer entry = plan.entry(writer, step, System.currentTimeMillis());
        store.put(SoakPlan.key(SoakPlan.step(writer, step).key()), entry);
        return "put";
    }

    @SuppressWarnings("SystemOut") // what its parent reads
    private void complain(String fault) {
        System.out.println("writer " + writer + ": " + fault);
    }
}
