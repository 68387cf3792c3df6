package dev.refrain.engine.internal.store;

import java.nio.file.Path;
import java.time.Clock;

/** Opens a store, stores an entry and ends in some way: {@code file close|exit|halt}. Prints nothing itself. */
final class StoreOpener {
    private StoreOpener() {}

    public static void main(String[] args) throws Exception {
        ChronicleStore store = ChronicleStore.open(Path.of(args[0]), 16L << 20, Clock.systemUTC());
        store.put(TestEntries.key(1), TestEntries.entry(1, 0, 100_000));
        switch (args[1]) {
            case "close" -> store.close();
            case "exit" -> System.exit(0);
            case "halt" -> Runtime.getRuntime().halt(0);
            default -> throw new IllegalArgumentException(args[1]);
        }
    }
}
