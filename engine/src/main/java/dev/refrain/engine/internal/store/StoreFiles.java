package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import net.openhft.chronicle.map.ChronicleMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of one open store: the map, its {@link LockFile} and its {@link Secret}. Opening ends with a usable map,
 * whatever the state of the files, because a cache must not keep its host from starting. It fails only for reasons that
 * the operator has to mend.
 *
 * <p>A process that is alone with the map may recover it, set it aside, or move its entries to a file of another size.
 * A process that joins others uses the map as it is.
 *
 * <p>Long, since each state in which the files may be found is a branch of one decision.
 */
final class StoreFiles {
    private static final Logger LOG = LoggerFactory.getLogger(ChronicleStore.class);

    /** Format version of the map and the files beside it. A map of an unknown version is set aside. */
    private static final int FORMAT_VERSION = 3;
    /**
     * A map of this version has no count of parts in its segments, and no check of its head. Opening it checks the
     * whole map and converts it to the present version.
     */
    private static final int OLDER_VERSION = 2;
    /** Long enough for another process to recover tens of gigabytes. */
    private static final Duration OPEN_TIMEOUT = Duration.ofMinutes(2);

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(10);

    /**
     * The capacity divided by this is the length to which a damaged map is cut, because it is kept beside a new map of
     * full size.
     */
    private static final int DAMAGED_SHARE = 20;

    private static final String LOCK = ".lock";
    private final Path file;
    private final Path secretFile;
    private final Path lockFile;
    /** The name of a new map until it is whole. */
    private final Path draft;

    private final LockFile lock;
    private final SetAside aside;
    private final boolean preallocate;
    /** Whether an existing map keeps its capacity, and is refused instead of set aside if it is damaged. */
    private final boolean keeps;

    private final Clock clock;
    private final StoreCounters counters = new StoreCounters();
    private final Failures failures;

    /** Set before another thread can have a reference to this object. */
    private Claim claim;

    /** The secret for a new map; null for a random one. */
    private final byte[] givenSecret;

    private byte[] secret;
    private SegmentMap map;
    private long capacityBytes;
    /** Whether a failure was seen that damage would explain. Then the next opening checks the map. */
    private volatile boolean suspicious;

    private DiskSpace space;
    private FileIdentity presence;
    /** Null until the store is open. */
    private MapLength length;

    private StoreFiles(Path file, boolean preallocate, Clock clock, byte[] givenSecret, boolean keeps)
            throws IOException {
        this.file = file;
        this.givenSecret = givenSecret;
        this.secretFile = StorePath.sibling(file, ".secret");
        this.lockFile = StorePath.sibling(file, LOCK);
        this.draft = StorePath.sibling(file, ".new");
        if (keeps) {
            OwnerOnly.requireOwner(file, OwnerOnly.account());
        }
        // This comes before the lock file is opened, since closing another channel of that file would release
        // this process's locks.
        new ForeignFiles(file, secretFile, lockFile, draft).refuse();
        this.lock = LockFile.open(lockFile);
        this.preallocate = preallocate;
        this.keeps = keeps;
        this.clock = clock;
        this.aside = new SetAside(file, clock);
        this.failures = new Failures(counters, clock);
    }

    static StoreFiles open(Path path, long capacityBytes, boolean preallocate, Clock clock) throws IOException {
        return open(path, capacityBytes, preallocate, clock, null, false);
    }

    /**
     * Like the other {@code open} method, with options for commands.
     *
     * @param givenSecret the secret for a new map; null for a random one
     * @param keeps whether an existing map keeps its capacity, and is refused instead of set aside if it is damaged
     */
    static StoreFiles open(
            Path path, long capacityBytes, boolean preallocate, Clock clock, byte[] givenSecret, boolean keeps)
            throws IOException {
        Path file = StorePath.usable(path);
        Claim claim = Claim.of(file);
        try {
            StoreFiles files = OwnThread.run(
                    "refrain-store-open",
                    () -> openClaimed(file, capacityBytes, preallocate, clock, givenSecret, keeps));
            files.claim = claim;
            return files;
        } catch (IOException | RuntimeException | Error e) {
            claim.release();
            if (e instanceof InternalError) {
                // On some file systems even a read of a sparse file allocates a block, so on a full disk it
                // raises a fault.
                throw new IOException("The store " + file + " cannot be read or written; is its disk full?", e);
            }
            if (e instanceof RuntimeException || e instanceof AssertionError) {
                throw new IOException(
                        "The store " + file + " cannot be opened (" + e + "); move it and the files beside it away", e);
            }
            throw e;
        }
    }

    SegmentMap map() {
        return map;
    }

    StoreCounters counters() {
        return counters;
    }

    Failures failures() {
        return failures;
    }

    /** Counts an operation that failed inside the map. The next opening then recovers the map. */
    void failed(String operation, Throwable failure) {
        suspect();
        if (failure instanceof InternalError) {
            requireLength();
        }
        failures.count(operation, failure);
    }

    /** Makes the next opening recover the map. */
    void suspect() {
        if (!suspicious) {
            suspicious = true;
            distrust();
        }
    }

    /**
     * Erases the number of {@link CleanShutdown} at once, because this process may be killed before it closes. Uses
     * another thread, because the caller's interrupt flag may be set.
     */
    private void distrust() {
        try {
            OwnThread.run("refrain-store-distrust", () -> {
                lock.writeTrust(CleanShutdown.NONE);
                return null;
            });
        } catch (IOException e) {
            failures.count("note that the map may be damaged", e);
        }
    }

    DiskSpace space() {
        return space;
    }

    private void requireLength() {
        if (length != null && length.restore()) {
            counters.failures.increment();
            suspect();
        }
    }

    /** Checks that the files still have their names and length, and logs if not. */
    void checkPresence() {
        requireLength();
        if (presence.check()) {
            counters.failures.increment();
        }
    }

    /** Whether this process may sweep now. If so, {@link #endSweep} must follow. */
    boolean beginSweep() {
        try {
            return lock.beginSweep();
        } catch (IOException e) {
            failures.count("ask other processes whether to sweep", e);
            return false;
        }
    }

    void endSweep() {
        try {
            lock.endSweep();
        } catch (IOException e) {
            failures.count("tell other processes that it has swept", e);
        }
    }

    byte[] secret() {
        return secret;
    }

    /** The byte budget that the map was made with. */
    long capacityBytes() {
        return capacityBytes;
    }

    private static StoreFiles openClaimed(
            Path file, long capacityBytes, boolean preallocate, Clock clock, byte[] givenSecret, boolean keeps)
            throws IOException {
        StoreFiles files = new StoreFiles(file, preallocate, clock, givenSecret, keeps);
        LockFile lock = files.lock;
        try {
            lock.enterGate(OPEN_TIMEOUT);
            boolean isAlone = lock.isAlone();
            LockFile.State before = isAlone ? files.openAlone(capacityBytes) : files.openShared(capacityBytes);
            files.space = new DiskSpace(file, before.preallocated(), clock);
            files.space.report(before.mapLength(), files.map::usedBytes);
            files.presence = new FileIdentity(file, files.secretFile, files.lockFile);
            files.length = new MapLength(file, before.mapLength());
            lock.write(before.withOpens(before.opens() + 1));
            if (isAlone) {
                lock.writeTrust(CleanShutdown.of(file));
            }
            lock.join();
            lock.leaveGate();
            return files;
        } catch (IOException | RuntimeException | Error e) {
            if (files.map != null) {
                files.map.close();
            }
            lock.close();
            throw e;
        }
    }

    private LockFile.State openShared(long wantedBytes) throws IOException {
        LockFile.State state = lock.read();
        secret = Secret.read(secretFile);
        if (state == null
                || state.version() != FORMAT_VERSION
                || secret == null
                || state.secretCheck() != Secret.check(secret)
                || !Files.exists(file)
                || Files.size(file) != state.mapLength()
                || MapHead.check(file) != state.headCheck()) {
            throw new IOException("The store " + file + " is open in another process and its files have been changed or"
                    + " deleted meanwhile, or that process is another version of Refrain; stop it first");
        }
        if (!keeps && Layout.segments(state.capacityBytes()) != Layout.segments(wantedBytes)) {
            LOG.warn(
                    "The store {} keeps its capacity of {} bytes, because another process has it open; to make it {} "
                            + "bytes, close it everywhere and open it with that capacity first",
                    file,
                    state.capacityBytes(),
                    wantedBytes);
        }
        use(MapFile.open(file), state);
        return state;
    }

    private LockFile.State openAlone(long wantedBytes) throws IOException {
        Files.deleteIfExists(draft);
        Files.deleteIfExists(Secret.draft(secretFile));
        secret = Secret.read(secretFile);
        if (keeps && Files.exists(file) && Files.size(file) > 0) {
            return openKept(wantedBytes);
        }
        if (Files.exists(file) && Files.size(file) > 0 && !MapHead.wasOurs(file)) {
            aside.moveAway();
        }
        if (Files.exists(file)) {
            if (secret == null) {
                LOG.warn("The secret of the store {} is gone, and its entries with it; starting afresh", file);
                Files.delete(file);
            } else {
                OwnerOnly.createFile(file);
                LockFile.State state = openExisting(wantedBytes);
                if (state != null) {
                    boolean fits = Layout.segments(state.capacityBytes()) == Layout.segments(wantedBytes);
                    return fits ? preallocated(state) : resized(state, wantedBytes);
                }
            }
        }
        try {
            secret = Secret.create(secretFile, givenSecret);
            createDraft(wantedBytes);
        } catch (IOException | RuntimeException | Error e) {
            Files.deleteIfExists(Secret.draft(secretFile));
            throw e;
        }
        return useDraft(record(wantedBytes));
    }

    /** Opens the map for a command, which must neither set answers aside nor move them to a file of another size. */
    private LockFile.State openKept(long wantedBytes) throws IOException {
        if (secret == null) {
            throw new IOException("The secret of the store " + file + " is gone, and its answers with it; " + secretFile
                    + " has to be there");
        }
        if (!MapHead.wasOurs(file)) {
            throw damaged("its header is damaged, or of another version of Chronicle Map", null);
        }
        return openExisting(wantedBytes);
    }

    private IOException damaged(String how, Throwable cause) {
        return new IOException(
                "The store " + file + " is damaged (" + how + "). Nothing was changed; the proxy sets it aside when it"
                        + " starts",
                cause);
    }

    /** A record for the draft. */
    private LockFile.State record(long bytes) throws IOException {
        return new LockFile.State(
                FORMAT_VERSION, bytes, Files.size(draft), 0, MapHead.check(draft), preallocate, Secret.check(secret));
    }

    private void createDraft(long wantedBytes) throws IOException {
        try {
            MapFile.create(draft, Layout.segments(wantedBytes), preallocate).close();
        } catch (IOException e) {
            if (aside.damagedFiles().isEmpty()) {
                throw e;
            }
            LOG.warn("There is not enough room to keep a damaged store beside {}; it is deleted", file);
            aside.deleteDamaged();
            MapFile.create(draft, Layout.segments(wantedBytes), preallocate).close();
        }
    }

    /** Allocates the missing blocks of an existing file. If that fails, the file stays sparse. */
    private LockFile.State preallocated(LockFile.State state) {
        if (!preallocate || state.preallocated()) {
            return state;
        }
        try {
            Preallocation.allocate(file);
            return state.asPreallocated();
        } catch (IOException e) {
            LOG.warn("The store {} stays sparse: {}. Free some space and restart", file, e.getMessage());
            return state;
        }
    }

    /** Opens the existing map. Returns null if the map was unusable and has been set aside. */
    private LockFile.State openExisting(long wantedBytes) throws IOException {
        LockFile.State state = null;
        try {
            state = lock.read();
            if (state != null && state.version() != FORMAT_VERSION && state.version() != OLDER_VERSION) {
                throw new IOException("it has format " + state.version() + " instead of " + FORMAT_VERSION);
            }
            if (state != null && state.secretCheck() != Secret.check(secret)) {
                throw new IOException("its keys were made with another secret than the one in " + secretFile);
            }
            long length = Files.size(file);
            if (state != null && state.mapLength() != length) {
                throw new IOException("it is " + length + " bytes long instead of " + state.mapLength());
            }
            long headCheck = requireHead(state, length);
            MapHead.release(file);
            if (state != null
                    && state.version() == FORMAT_VERSION
                    && state.opens() == 0
                    && !MapFile.hasSuspects(file)) {
                use(MapFile.open(file), state);
                return state;
            }
            return recovered(state, length, headCheck);
        } catch (IOException | RuntimeException | InternalError | AssertionError e) {
            if (keeps) {
                throw damaged(e.getMessage(), e);
            }
            aside.setAside(e, wantedBytes / DAMAGED_SHARE);
            return null;
        }
    }

    /**
     * Compares the head with its recorded check before any other code uses the head.
     *
     * @return the check of the head
     */
    private long requireHead(LockFile.State state, long length) throws IOException {
        long found = MapHead.check(file);
        MapFile.Shape expected = state != null && state.headCheck() != MapHead.UNKNOWN
                ? new MapFile.Shape(length, state.headCheck())
                : MapFile.expected(file, draft);
        if (found != expected.headCheck()) {
            throw new IOException("its header is damaged, or of another version of Chronicle Map");
        }
        if (length != expected.length()) {
            throw new IOException("it is " + length + " bytes long instead of " + expected.length());
        }
        return found;
    }

    private LockFile.State recovered(LockFile.State before, long length, long headCheck) throws IOException {
        long start = System.nanoTime();
        boolean isTrusted = before != null
                && before.version() == FORMAT_VERSION
                && before.opens() > 0
                && lock.readTrust() != CleanShutdown.NONE
                && lock.readTrust() == CleanShutdown.of(file);
        // If this process is killed during the recovery, the next recovery has to check all segments.
        lock.writeTrust(CleanShutdown.NONE);
        int corrections = Repair.run(file, isTrusted);
        ChronicleMap<byte[], EntryBuffer> recovered = MapFile.open(file);
        LockFile.State state = new LockFile.State(
                FORMAT_VERSION,
                before != null ? before.capacityBytes() : Layout.capacity(recovered.segments()),
                length,
                0,
                headCheck,
                before != null && before.preallocated(),
                Secret.check(secret));
        use(recovered, state);
        LOG.info(
                "The store {} {}: recovered {} in {} ms with {} corrections",
                file,
                before != null && before.version() == OLDER_VERSION && before.opens() == 0
                        ? "has an older format"
                        : "was not closed cleanly",
                isTrusted ? "segments with locks" : "all segments",
                Duration.ofNanos(System.nanoTime() - start).toMillis(),
                corrections);
        return state;
    }

    /**
     * Moves the entries to a file of another size. If that fails, for lack of room for example, everything stays
     * as it is.
     */
    private LockFile.State resized(LockFile.State state, long wantedBytes) throws IOException {
        StoreCounters moved = new StoreCounters();
        try (ChronicleMap<byte[], EntryBuffer> target =
                MapFile.create(draft, Layout.segments(wantedBytes), preallocate)) {
            move(new SegmentMap(target, moved, new Failures(moved, clock)));
        } catch (IOException | RuntimeException | InternalError | AssertionError e) {
            LOG.warn(
                    "The store {} keeps its capacity of {} bytes: {}. Remove the cause and restart to resize it",
                    file,
                    state.capacityBytes(),
                    e.getMessage());
            Files.deleteIfExists(draft);
            return state;
        }
        LOG.info(
                "The store {} now has {} bytes instead of {}; {} entries did not fit",
                file,
                wantedBytes,
                state.capacityBytes(),
                moved.evictions.sum());
        map.close();
        // The length to which damaged files are cut depends on the capacity, which has just changed.
        aside.deleteDamaged();
        return useDraft(record(wantedBytes));
    }

    private void move(SegmentMap target) {
        long now = clock.millis();
        EntryBuffer displaced = new EntryBuffer(EntryHead.LENGTH * 2);
        map.forEach((key, value) -> {
            if (EntryHead.expiresAt(value.bytes()) > now) {
                target.put(key, value, null, displaced, now);
            }
        });
    }

    private LockFile.State useDraft(LockFile.State state) throws IOException {
        // The record is written before the move. If this process is killed between the two, the lengths differ, and the
        // next opening sets the map aside.
        lock.write(state);
        Secret.adopt(secretFile);
        Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        use(MapFile.open(file), state);
        return state;
    }

    private void use(ChronicleMap<byte[], EntryBuffer> opened, LockFile.State state) {
        map = new SegmentMap(opened, counters, failures);
        capacityBytes = state.capacityBytes();
    }

    /** Unmaps the file. No operation may be under way or follow. Never throws. */
    void close() {
        try {
            OwnThread.run("refrain-store-close", () -> {
                closeMap();
                return null;
            });
        } catch (IOException | RuntimeException | Error e) {
            LOG.warn("The store {} was not closed cleanly and will be recovered when it is opened again", file, e);
        }
        claim.release();
    }

    private void closeMap() throws IOException {
        try (lock) {
            lock.enterGate(CLOSE_TIMEOUT);
            LockFile.State state = lock.read();
            boolean isLast = state != null && state.opens() == 1;
            if (isLast) {
                // Without the flush, a power failure could keep the record of a clean close and lose the data.
                map.flush();
            }
            map.close();
            if (state != null) {
                int opens = suspicious ? state.opens() : state.opens() - 1;
                lock.write(state.withOpens(opens));
            }
        }
    }
}
