package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import net.openhft.chronicle.map.ChronicleMap;
import net.openhft.chronicle.map.ExternalMapQueryContext;

/** Opens a store ({@code file capacityBytes}) and carries out commands, one a line. */
final class StoreShell {
    private final ChronicleStore store;
    private final Path file;
    private final EntryBuffer found = new EntryBuffer(16);
    private ExternalMapQueryContext<byte[], EntryBuffer, ?> locked;

    private StoreShell(ChronicleStore store, Path file) {
        this.store = store;
        this.file = file;
    }

    public static void main(String[] args) throws IOException {
        Path file = Path.of(args[0]);
        ChronicleStore store = ChronicleStore.open(file, Long.parseLong(args[1]), Clock.systemUTC());
        System.out.println("open");
        StoreShell shell = new StoreShell(store, file);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(shell.answer(line.split(" ")));
        }
        store.close();
    }

    private String answer(String[] words) throws IOException {
        switch (words[0]) {
            case "put" -> {
                int key = Integer.parseInt(words[1]);
                return "" + store.put(TestEntries.key(key), TestEntries.entry(key, 0, Integer.parseInt(words[2])));
            }
            case "get" -> {
                boolean isThere = store.get(TestEntries.key(Integer.parseInt(words[1])), found);
                return isThere ? "" + TestEntries.generation(found) : "none";
            }
            case "drops" -> {
                return "" + store.stats().drops();
            }
            case "sweep-lock" -> {
                // The kernel gives this lock to the process; it is never released.
                return ""
                        + LockFile.open(file.resolveSibling(file.getFileName() + ".lock"))
                                .beginSweep();
            }
            case "lock" -> {
                byte[] key = new byte[CacheStore.KEY_LENGTH];
                System.arraycopy(TestEntries.key(Integer.parseInt(words[1])), 0, key, 0, key.length);
                ChronicleMap<byte[], EntryBuffer> map = MapFile.open(file);
                locked = map.queryContext(key);
                locked.writeLock().lock();
                return "locked";
            }
            case "unlock" -> {
                locked.close();
                return "unlocked";
            }
            case "sweep" -> {
                return "" + store.sweep(0);
            }
            case "close" -> {
                store.close();
                return "closed";
            }
            case "gate" -> {
                LockFile.open(file.resolveSibling(file.getFileName() + ".lock")).enterGate(Duration.ZERO);
                return "entered";
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }
}
