package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/** Heads are read without a lock while their entry is replaced and removed, in a store of Chronicle Map. */
@JCStressTest
@Outcome(
        id = {"none, none", "none, old", "none, new", "old, none", "old, old", "old, new", "new, none", "new, new"},
        expect = Expect.ACCEPTABLE,
        desc = "One of the entries that there were, or none, in their order.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A head that no entry has, or an older one after a newer one.")
@State
public class HeadsStress {
    private static final ChronicleStore STORE = open();
    private static final AtomicLong NEXT = new AtomicLong();

    private final long number = NEXT.getAndIncrement();
    private final byte[] key = TestEntries.key(number);

    public HeadsStress() {
        STORE.put(key, TestEntries.entry(number, 1, 300, 1, 1));
    }

    private static ChronicleStore open() {
        try {
            Path folder = Files.createTempDirectory("heads");
            return ChronicleStore.open(folder.resolve("store"), 64L << 20, Clock.systemUTC());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Actor
    public void change() {
        STORE.put(key, TestEntries.entry(number, 2, 600, 2, 2));
        STORE.remove(key);
    }

    @Actor
    public void read(LL_Result result) {
        byte[] head = new byte[EntryHead.LENGTH];
        result.r1 = read(head);
        result.r2 = read(head);
    }

    private String read(byte[] head) {
        if (!STORE.head(key, head)) {
            return "none";
        }
        long stored = EntryHead.storedAt(head);
        if (stored != EntryHead.expiresAt(head)) {
            return "torn";
        }
        return stored == 1 ? "old" : stored == 2 ? "new" : "foreign";
    }
}
