package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.SplittableRandom;

/**
 * Stores entries until it is killed: {@code file capacityBytes keys seed}. Prints a line once it has stored every key.
 * It also removes keys, except the first ones. Entries of the first keys are short: a long entry has parts in many
 * segments, and is refused if one of them has a stuck lock.
 */
final class StoreWriter {
    /** Number of keys, from 0, that are never removed. */
    static final int NEVER_REMOVED = 200;

    private StoreWriter() {}

    /** A random length: about 20 MB for 2,000 keys, more than half of it in large entries. */
    static int length(SplittableRandom random) {
        return random.nextInt(40) == 0 ? random.nextInt(40_000, 500_000) : random.nextInt(100, 8_000);
    }

    public static void main(String[] args) throws IOException {
        int keys = Integer.parseInt(args[2]);
        SplittableRandom random = new SplittableRandom(Long.parseLong(args[3]));
        EntryBuffer found = new EntryBuffer(16);
        ChronicleStore store = ChronicleStore.open(Path.of(args[0]), Long.parseLong(args[1]), Clock.systemUTC());
        for (int i = 0; ; i++) {
            int number = i < keys ? i : random.nextInt(keys);
            store.put(TestEntries.key(number), entry(number, i, random));
            if (i == keys) {
                System.out.println("stored");
            }
            if (i > keys && random.nextInt(3) == 0) {
                int other = random.nextInt(keys);
                if (store.get(TestEntries.key(other), found) && !TestEntries.isGenuine(other, found)) {
                    System.out.println("damaged " + other);
                }
            }
            if (i > keys && random.nextInt(50) == 0) {
                store.remove(TestEntries.key(random.nextInt(NEVER_REMOVED, keys)));
            }
            if (i > keys && random.nextInt(500) == 0) {
                store.sweep(0);
            }
        }
    }

    private static EntryBuffer entry(int number, int generation, SplittableRandom random) {
        int length = number < NEVER_REMOVED ? random.nextInt(100, 8_000) : length(random);
        return TestEntries.entry(number, generation, length, System.currentTimeMillis(), TestEntries.NEVER);
    }
}
