package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.StoreStats;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps entries in a memory-mapped file. Several processes may share the file, and it survives them even if they
 * are killed.
 *
 * <p>{@link SegmentMap} keeps values of up to 32 KiB and makes room. {@link LargeEntries} cuts longer entries into
 * values of this length. {@link StoreFiles} opens the file, whatever state it is in. The code here keeps the contract
 * of {@link CacheStore}: no failure reaches a caller, and no access to the file follows its unmapping.
 *
 * <p>Long, since each method of that interface needs the same guards around its call.
 */
public final class ChronicleStore implements CacheStore {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);
    /**
     * Longer than an operation takes: it waits up to one second for a lock, and takes several locks for a large entry.
     */
    private static final int CLOSE_TIMEOUT_SECONDS = 10;

    private static final int SEGMENTS_FOR_AN_ESTIMATE = 16;

    private final StoreFiles files;
    private final SegmentMap map;
    private final int segments;
    private final LargeEntries large;
    private final DiskSpace space;
    private final byte[] secret;
    private final long capacityBytes;
    private final Clock clock;
    private final StoreCounters counters;
    private final Failures failures;
    private final InFlight inFlight = new InFlight();
    private final Round round = new Round();

    private final Pool<Scratch> scratches = new Pool<>(Scratch::new);
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Thread exitHook = new Thread(this::closeOnce, "refrain-store-exit");

    private ChronicleStore(StoreFiles files, Clock clock) {
        this.files = files;
        this.map = files.map();
        this.segments = map.segments();
        this.counters = files.counters();
        this.large = new LargeEntries(map, Layout.maxEntryLength(map.segments()));
        this.space = files.space();
        this.secret = files.secret();
        this.capacityBytes = files.capacityBytes();
        this.clock = clock;
        this.failures = files.failures();
    }

    /** A sweep in slices. Guarded by its own monitor. */
    private static final class Round {
        /** Whether this process is sweeping. */
        private boolean isOurs;
    }

    private static final class Scratch {
        private final EntryBuffer displaced = new EntryBuffer(EntryHead.LENGTH * 2);
        private final LargeEntries.Scratch large = new LargeEntries.Scratch();
    }

    /**
     * Opens the store in a file, or makes it. Two more files are beside it, {@code .lock} and {@code .secret}; only
     * their owner can read the three. A file that was not closed cleanly is recovered. If that is impossible, it is set
     * aside under a new name.
     *
     * @param capacityBytes the size of the file; if it differs from the size of an existing one, the entries move to a
     *     new file, unless another process has the old one open
     * @param clock tells eviction which entries have expired
     * @param closeOnExit whether the store closes by itself when the JVM exits
     * @param preallocate whether the file gets all of its blocks before the first entry, or as it fills; in the second
     *     case nothing is stored while the disk is nearly full
     * @throws IllegalArgumentException if the capacity is below 16 MiB
     * @throws IllegalStateException if the JVM lacks a flag that Chronicle Map needs; the message names it
     * @throws IOException if the file cannot be used; the message says why
     */
    public static ChronicleStore open(
            Path file, long capacityBytes, Clock clock, boolean closeOnExit, boolean preallocate) throws IOException {
        return open(file, capacityBytes, clock, closeOnExit, preallocate, null, false);
    }

    /**
     * Like the other {@code open} methods, with a secret and an option for commands.
     *
     * @param secret secret of a new store; null for a random one
     * @param keeps whether an existing file keeps its capacity, and is refused instead of set aside if it is damaged
     */
    public static ChronicleStore open(
            Path file,
            long capacityBytes,
            Clock clock,
            boolean closeOnExit,
            boolean preallocate,
            byte[] secret,
            boolean keeps)
            throws IOException {
        if (capacityBytes < Layout.MIN_CAPACITY) {
            throw new IllegalArgumentException("A capacity of " + capacityBytes + " bytes is too small: at least "
                    + Layout.MIN_CAPACITY + " bytes (16 MiB) are needed");
        }
        ChronicleRuntime.requireWhatIsNeeded();
        ChronicleRuntime.applySettings();
        try {
            ChronicleStore store = new ChronicleStore(
                    ChronicleRuntime.withSettings(
                            () -> StoreFiles.open(file, capacityBytes, preallocate, clock, secret, keeps)),
                    clock);
            if (closeOnExit) {
                store.addExitHook();
            }
            return store;
        } catch (FileSystemException e) {
            // A FileSystemException often has only a path as its message.
            throw new IOException(
                    "The store " + file + " cannot be opened: "
                            + e.getClass().getSimpleName() + ": " + e.getMessage()
                            + ". Name a file that can be created and written",
                    e);
        }
    }

    /** Opens a store that is preallocated and closes when the JVM exits. */
    public static ChronicleStore open(Path file, long capacityBytes, Clock clock) throws IOException {
        return open(file, capacityBytes, clock, true, true);
    }

    private void addExitHook() {
        try {
            Runtime.getRuntime().addShutdownHook(exitHook);
        } catch (IllegalStateException alreadyExiting) {
            LOG.debug("The store was opened while the JVM was exiting", alreadyExiting);
        }
    }

    @Override
    public boolean get(byte[] key, EntryBuffer into) {
        return read(key, into, true);
    }

    @Override
    public boolean peek(byte[] key, EntryBuffer into) {
        return read(key, into, false);
    }

    private boolean read(byte[] key, EntryBuffer into, boolean countsAsHit) {
        if (!inFlight.enter()) {
            return false;
        }
        Scratch scratch = scratches.take();
        try {
            return (countsAsHit ? map.get(key, into) : map.peek(key, into))
                    && (into.bytes()[Kind.OFFSET] != Kind.MANIFEST
                            || large.gather(key, into, scratch.large, countsAsHit));
        } catch (MemoryBudget.Exhausted noRoom) {
            // The caller's buffer ran out of its memory budget. The store has not failed.
            throw noRoom;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            files.failed("read an entry", e);
            return false;
        } finally {
            scratches.give(scratch);
            inFlight.exit();
        }
    }

    @Override
    public boolean head(byte[] key, byte[] into) {
        return head(key, into, () -> true);
    }

    @Override
    public boolean head(byte[] key, byte[] into, BooleanSupplier then) {
        if (!inFlight.enter()) {
            return false;
        }
        try {
            return map.head(key, into, then);
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            files.failed("read an entry's head", e);
            return false;
        } finally {
            inFlight.exit();
        }
    }

    @Override
    public boolean put(byte[] key, EntryBuffer entry) {
        return put(key, entry, null);
    }

    @Override
    public boolean putIf(byte[] key, EntryBuffer entry, Predicate<byte[]> replaces) {
        return put(key, entry, new Condition(replaces));
    }

    /** A caller's test whether the older entry is to be replaced. Remembers whether the test said no. */
    private static final class Condition implements Predicate<byte[]> {
        private final Predicate<byte[]> replaces;
        private boolean isDenied;

        Condition(Predicate<byte[]> replaces) {
            this.replaces = replaces;
        }

        @Override
        public boolean test(byte[] head) {
            isDenied = !replaces.test(head);
            return !isDenied;
        }
    }

    /** @param condition decides whether an older entry is replaced; null to replace it always */
    private boolean put(byte[] key, EntryBuffer entry, Condition condition) {
        if (entry.length() < EntryHead.LENGTH) {
            throw new IllegalArgumentException("An entry of " + entry.length() + " bytes has no room for its head of "
                    + EntryHead.LENGTH + " bytes");
        }
        if (!inFlight.enter()) {
            return false;
        }
        Scratch scratch = scratches.take();
        long now = clock.millis();
        try {
            if (!space.hasRoomFor(entry.length())) {
                return refuse(key, condition, scratch);
            }
            map.announce(key, entry);
            boolean isWhole = entry.length() <= Layout.MAX_VALUE_LENGTH && !Kind.isMark(entry.bytes()[Kind.OFFSET]);
            boolean stored = isWhole
                    ? map.put(key, entry, condition, scratch.displaced, now)
                    : large.put(key, entry, condition, scratch.displaced, scratch.large, now);
            removeDisplacedParts(key, scratch);
            if (!stored && (condition == null || !condition.isDenied)) {
                failures.drop(entry.length(), Layout.maxEntryLength(map.segments()));
            }
            return stored;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            if (e instanceof InternalError) {
                space.suspect();
            }
            files.failed("store an entry", e);
            return false;
        } finally {
            scratches.give(scratch);
            inFlight.exit();
        }
    }

    /**
     * Refuses a put on a nearly full disk. Removes the older entry if it was to be replaced unconditionally, since the
     * contract says that it is gone then; that needs no room on the disk.
     */
    private boolean refuse(byte[] key, Condition condition, Scratch scratch) {
        if (condition == null) {
            map.remove(key, scratch.displaced);
            removeDisplacedParts(key, scratch);
        }
        counters.drops.increment();
        return false;
    }

    @Override
    public boolean remove(byte[] key) {
        if (!inFlight.enter()) {
            return false;
        }
        Scratch scratch = scratches.take();
        try {
            boolean removed = map.remove(key, scratch.displaced);
            removeDisplacedParts(key, scratch);
            return removed;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            files.failed("remove an entry", e);
            return false;
        } finally {
            scratches.give(scratch);
            inFlight.exit();
        }
    }

    /**
     * The entry's length may be damaged, and removing the entry would then free its neighbours' room, too. So the
     * segment is repaired first, and the repair removes damaged entries. Other segments may be damaged as well, so the
     * next opening checks the whole file.
     */
    @Override
    public void removeDamaged(byte[] key) {
        if (inFlight.enter()) {
            try {
                files.suspect();
                map.repair(key);
            } catch (RuntimeException | VirtualMachineError | AssertionError e) {
                files.failed("repair a segment", e);
            } finally {
                inFlight.exit();
            }
            remove(key);
        }
    }

    private void removeDisplacedParts(byte[] key, Scratch scratch) {
        if (scratch.displaced.length() > 0) {
            large.removeParts(key, scratch.displaced, scratch.large);
        }
    }

    @Override
    public int slices() {
        return segments;
    }

    @Override
    public long sweep(long nowMillis, int slice) {
        synchronized (round) {
            if (slice == 0) {
                round.isOurs = beginSweep();
            }
            if (!round.isOurs) {
                return 0;
            }
        }
        long removed = each(slice, 0L, segment -> map.sweep(segment, nowMillis));
        counters.sweptSegments.increment();
        synchronized (round) {
            if (slice == segments - 1) {
                counters.sweeps.increment();
                round.isOurs = false;
                files.endSweep();
            }
        }
        return removed;
    }

    @Override
    public long sweep(long nowMillis) {
        synchronized (round) {
            if (round.isOurs) {
                return sweepSegments(nowMillis);
            }
            if (!beginSweep()) {
                return 0;
            }
            try {
                return sweepSegments(nowMillis);
            } finally {
                files.endSweep();
            }
        }
    }

    /** Whether this process is to sweep now. False if another process is sweeping. */
    private boolean beginSweep() {
        if (!inFlight.enter()) {
            return false;
        }
        try {
            files.checkPresence();
            return files.beginSweep();
        } finally {
            inFlight.exit();
        }
    }

    private long sweepSegments(long nowMillis) {
        long removed = 0;
        for (int segment = 0; segment < segments; segment++) {
            removed += each(segment, 0L, one -> map.sweep(one, nowMillis));
        }
        counters.sweptSegments.add(segments);
        counters.sweeps.increment();
        return removed;
    }

    @Override
    public long removeIf(Predicate<byte[]> head) {
        long removed = 0;
        for (int segment = 0; segment < segments; segment++) {
            removed += each(segment, 0L, one -> map.removeIf(one, head));
        }
        return removed;
    }

    /**
     * Walks through a segment. Returns {@code unread} if the store is closed or the walk fails. Each segment is an
     * operation of its own, so that a walk through many segments does not delay closing.
     */
    private <T> T each(int segment, T unread, IntFunction<T> walk) {
        if (inFlight.enter()) {
            try {
                return walk.apply(segment);
            } catch (RuntimeException | VirtualMachineError | AssertionError e) {
                files.failed("walk through the entries", e);
            } finally {
                inFlight.exit();
            }
        }
        return unread;
    }

    @Override
    public int hits(byte[] key) {
        return map.hits(key);
    }

    @Override
    public List<byte[]> find(Predicate<byte[]> key) {
        List<byte[]> found = new ArrayList<>();
        for (int segment = 0; segment < segments; segment++) {
            each(segment, null, one -> {
                map.find(one, key, found);
                return null;
            });
        }
        return found;
    }

    @Override
    public boolean visit(EntryVisitor visitor) {
        boolean all = true;
        for (int segment = 0; segment < segments; segment++) {
            SegmentMap.Visit visit = each(segment, SegmentMap.Visit.UNREAD, one -> map.visit(one, visitor));
            if (visit == SegmentMap.Visit.ENDED) {
                return false;
            }
            all &= visit == SegmentMap.Visit.WHOLE;
        }
        return all;
    }

    @Override
    public StoreStats stats() {
        long values = 0;
        long parts = 0;
        long bytes = 0;
        long expired = 0;
        if (inFlight.enter()) {
            try {
                values = map.size();
                parts = map.parts();
                bytes = map.usedBytes();
                expired = expiredBytes();
            } catch (RuntimeException | VirtualMachineError | AssertionError e) {
                failures.count("count its entries", e);
            } finally {
                inFlight.exit();
            }
        }
        long entries = Math.max(0, values - parts);
        return new StoreStats(
                entries,
                bytes,
                capacityBytes,
                counters.evictions.sum(),
                counters.expirations.sum(),
                counters.drops.sum(),
                counters.failures.sum(),
                new StoreStats.Details(
                        Math.min(expired, bytes),
                        Math.max(0, Layout.entrySpace(segments) - bytes),
                        entries == 0 ? 0 : overhead(values) / entries,
                        counters.expiredEvictions.sum(),
                        counters.removals.sum(),
                        counters.sweeps.sum(),
                        counters.sweptSegments.sum(),
                        counters.holds.longestSweepNanos()));
    }

    /**
     * The bytes that a number of values take besides their content: for each value its key, its length field and half a
     * chunk. What an empty store takes is not included.
     */
    private static long overhead(long values) {
        return values * (CacheStore.KEY_LENGTH + 2 + Layout.CHUNK_SIZE / 2);
    }

    private long expiredBytes() {
        int looked = Math.min(segments, SEGMENTS_FOR_AN_ESTIMATE);
        long now = clock.millis();
        long sum = 0;
        for (int i = 0; i < looked; i++) {
            sum += map.expiredBytes((int) ((long) i * segments / looked), now);
        }
        return sum * segments / looked;
    }

    /** For measurements: reports how long locks are held, from now on. */
    public void observeHolds(LockHoldTimes.Observer observer) {
        counters.holds.observe(observer);
    }

    @Override
    public byte[] secret() {
        return secret.clone();
    }

    @Override
    public void close() {
        closeOnce();
        try {
            Runtime.getRuntime().removeShutdownHook(exitHook);
        } catch (IllegalStateException exiting) {
            LOG.debug("The store was closed while the JVM was exiting", exiting);
        }
    }

    private void closeOnce() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        inFlight.close();
        if (inFlight.awaitNone(CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
            files.close();
        } else {
            // Unmapping would crash the JVM. The next process to open the file recovers it.
            LOG.warn("The store's file stays open: an operation did not end within {} s", CLOSE_TIMEOUT_SECONDS);
        }
    }
}
