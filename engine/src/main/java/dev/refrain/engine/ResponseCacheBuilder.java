package dev.refrain.engine;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.archive.Importer;
import dev.refrain.engine.internal.hot.DirectMemory;
import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.internal.store.LastUse;
import dev.refrain.engine.internal.store.SealMark;
import dev.refrain.engine.internal.template.ZeroPaths;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.engine.spi.SharedTier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Settings of a {@link ResponseCache}. Made by {@link ResponseCache#builder}. No parameter is null. Not thread-safe.
 *
 * <p>Long, since each setting has a method and says what it does.
 */
public final class ResponseCacheBuilder {
    /** The default of {@link #replayZero}. */
    public static final List<String> DEFAULT_REPLAY_ZERO = ZeroPaths.DEFAULTS;
    /** The default of {@link #neverStored}. */
    public static final Set<String> DEFAULT_NEVER_STORED = Set.of("content_filter");

    private static final long DEFAULT_CAPACITY = 1L << 30;
    private static final long MAX_DEFAULT_HOT = 64L << 20;
    private static final long MAX_DEFAULT_MEMO = 32L << 20;
    private static final int DEFAULT_MAX_REQUEST = 8 << 20;
    private static final int DEFAULT_MAX_ANSWER = 16 << 20;
    private static final int MIN_SECRET = 32;
    /** Off, because sealing makes a hit more expensive: docs/PERFORMANCE.md. */
    private static final boolean DEFAULT_SEAL = false;
    /** The longest duration of a setting. In nanoseconds it fits into a long, with room to add to it. */
    private static final Duration LONGEST = Duration.ofDays(36_525);

    /** The store's file; null for a cache on the heap. */
    private final Path file;

    private long capacityBytes = DEFAULT_CAPACITY;
    private long hotBytes = -1;
    private long memoBytes = -1;
    int maxRequestBytes = DEFAULT_MAX_REQUEST;
    int maxAnswerBytes = DEFAULT_MAX_ANSWER;
    Duration sweepInterval = Duration.ofMinutes(1);
    long staleIfErrorMillis;
    Duration upstreamTimeout = Duration.ofHours(1);
    boolean cancelWhenAbandoned;
    long silentCallNanos = Duration.ofSeconds(2).toNanos();
    LongSupplier ticker = System::nanoTime;
    private ZeroPaths replayZero = new ZeroPaths(DEFAULT_REPLAY_ZERO);
    boolean recordPace;
    private boolean originalIds;
    Set<String> neverStored = DEFAULT_NEVER_STORED;
    Clock clock = Clock.systemUTC();
    final Map<Endpoint, KeyRules> keyRules = new EnumMap<>(Endpoint.class);
    private boolean closeOnExit = true;
    private boolean preallocate = true;
    /** Whether entries are sealed; null for the default. */
    private Boolean seal;
    /** When sealing began, in milliseconds since the epoch. */
    long sealedSince;

    private boolean wasSealed;
    private CacheStore store;
    /** The secret of a new file; null for a random one. */
    private byte[] fileSecret;
    /** See {@link #keepFile}. */
    boolean keepsFile;
    /** See {@link #newFileFor}; null for no archive. */
    private Path archive;

    MemoryBudget memory;
    SharedTier sharedTier;
    byte[] clusterSecret;
    boolean sharedReads = true;
    boolean sharedWrites = true;
    /** Durations of leases and waits; null if machines do not agree on which of them calls the upstream. */
    SharedCalls.Timing sharedTiming = SharedCalls.Timing.USUAL;
    /** See {@link #sharedMaxUnconnected}; null for no limit. */
    Duration maxUnconnected;

    ResponseCacheBuilder(Path file) {
        this.file = Objects.requireNonNull(file, "file");
    }

    ResponseCacheBuilder(long heapBytes) {
        if (heapBytes < HeapStore.MIN_CAPACITY) {
            throw new IllegalArgumentException(
                    "A cache on the heap needs at least " + HeapStore.MIN_CAPACITY + " bytes, was given " + heapBytes);
        }
        file = null;
        capacityBytes = heapBytes;
    }

    /**
     * The byte budget for everything on disk, or for entries on the heap; 1 GiB on disk unless set.
     *
     * @param bytes at least 16 MiB on disk, 64 KiB on the heap
     * @throws IllegalArgumentException if it is less than any cache needs
     */
    public ResponseCacheBuilder capacityBytes(long bytes) {
        if (bytes < HeapStore.MIN_CAPACITY) {
            throw new IllegalArgumentException(
                    "capacityBytes must be at least " + HeapStore.MIN_CAPACITY + ", was " + bytes);
        }
        capacityBytes = bytes;
        return this;
    }

    /**
     * Memory outside the heap for decompressed copies of the answers that are requested most, in bytes; 0 for none. It
     * is allocated as needed. The default is a sixteenth of the capacity and at most 64 MiB; on the heap, or with
     * another {@link #store}, it is 0.
     *
     * <p>For this and {@link #memoBytes}, all caches of a JVM together take at most a quarter of its direct memory, and
     * leave another quarter of it free. Direct memory is limited by {@code -XX:MaxDirectMemorySize}, or else by the
     * maximum heap size. If that is less than what was set, the log says so once, and the cache uses what there is. The
     * defaults adapt silently.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public ResponseCacheBuilder hotBytes(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("hotBytes must not be negative, was " + bytes);
        }
        hotBytes = bytes;
        return this;
    }

    /**
     * Memory outside the heap for frequent requests and their keys, in bytes, so that a repeated request is neither
     * parsed nor digested again; 0 for none. It holds prompts as sent, in the memory of this process alone, while they
     * are frequent and their answers are stored. A prompt that comes once is not kept. It is allocated as needed,
     * within the bounds of {@link #hotBytes}. The default is a thirty-second of the capacity and at most 32 MiB.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public ResponseCacheBuilder memoBytes(long bytes) {
        if (bytes < 0) {
            throw new IllegalArgumentException("memoBytes must not be negative, was " + bytes);
        }
        memoBytes = bytes;
        return this;
    }

    long memoBytes() {
        return DirectMemory.ofJvm().partOf(memoBytesAsked(), hotBytesAsked(), asksForMemory());
    }

    long hotBytes() {
        return DirectMemory.ofJvm().partOf(hotBytesAsked(), memoBytesAsked(), asksForMemory());
    }

    /** Whether a size was set. The defaults adapt to the memory that there is. */
    private boolean asksForMemory() {
        return hotBytes > 0 || memoBytes > 0;
    }

    private long memoBytesAsked() {
        return memoBytes >= 0 ? memoBytes : Math.min(capacityBytes / 32, MAX_DEFAULT_MEMO);
    }

    private long hotBytesAsked() {
        return hotBytes >= 0
                ? hotBytes
                : store != null || file == null ? 0 : Math.min(capacityBytes / 16, MAX_DEFAULT_HOT);
    }

    /**
     * The longest request body that is eligible (wire rule W18); 8 MiB unless set.
     *
     * @param bytes more than 0
     * @throws IllegalArgumentException if it is not
     */
    public ResponseCacheBuilder maxRequestBytes(int bytes) {
        maxRequestBytes = requirePositive(bytes, "maxRequestBytes");
        return this;
    }

    /**
     * The longest answer that is stored (wire rule W18); 16 MiB unless set.
     *
     * @param bytes more than 0
     * @throws IllegalArgumentException if it is not
     */
    public ResponseCacheBuilder maxAnswerBytes(int bytes) {
        maxAnswerBytes = requirePositive(bytes, "maxAnswerBytes");
        return this;
    }

    /**
     * Interval within which each expired entry is removed. The work is spread over the interval in slices. One minute
     * unless set.
     *
     * @param interval 1 ms to 100 years
     * @throws IllegalArgumentException if it is anything else
     */
    public ResponseCacheBuilder sweepInterval(Duration interval) {
        if (interval.compareTo(Duration.ofMillis(1)) < 0 || interval.compareTo(LONGEST) > 0) {
            throw new IllegalArgumentException(
                    "sweepInterval must be at least 1 ms and at most " + LONGEST.toDays() + " days, was " + interval);
        }
        sweepInterval = interval;
        return this;
    }

    /**
     * How long after its lifetime an entry may answer in place of a failing upstream, if the request asks for that
     * ({@link CacheDirectives#staleIfErrorSeconds}); not at all unless set. Sweeps leave such entries alone.
     *
     * @param window not negative; more than 100 years count as 100 years
     * @throws IllegalArgumentException if it is negative
     */
    public ResponseCacheBuilder staleIfError(Duration window) {
        if (window.isNegative()) {
            throw new IllegalArgumentException("staleIfError must not be negative, was " + window);
        }
        staleIfErrorMillis = atMost(LONGEST, window).toMillis();
        return this;
    }

    /**
     * How long an upstream may take from the start of a call to the end of its answer; 1 hour unless set. After that
     * the call fails with a {@link java.util.concurrent.TimeoutException} for all requests that wait for it, and
     * {@link Upstream.Call#cancel} is called. A request whose flights fail waits for at most three calls (wire rule
     * W28). Applies to requests with caching on; without caching the upstream has no time limit.
     *
     * @param limit at least 1 ms; more than 100 years count as 100 years
     * @throws IllegalArgumentException if it is less than 1 ms
     */
    public ResponseCacheBuilder upstreamTimeout(Duration limit) {
        if (limit.compareTo(Duration.ofMillis(1)) < 0) {
            throw new IllegalArgumentException("upstreamTimeout must be at least 1 ms, was " + limit);
        }
        upstreamTimeout = atMost(LONGEST, limit);
        return this;
    }

    private static Duration atMost(Duration most, Duration duration) {
        return duration.compareTo(most) < 0 ? duration : most;
    }

    /**
     * Whether an upstream call is cancelled when all readers of its answer have gone (wire rule W29). Unless set, the
     * call is finished and its answer stored, so that a retry is a hit.
     */
    public ResponseCacheBuilder cancelWhenAbandoned(boolean cancel) {
        cancelWhenAbandoned = cancel;
        return this;
    }

    /**
     * How long an upstream call without readers may be silent and still be joined; 2 seconds unless set. After that a
     * new request makes a call of its own. If the old answer still comes, it is stored (wire rule W28b).
     *
     * @param silence not negative; more than 100 years count as 100 years
     * @throws IllegalArgumentException if it is negative
     */
    public ResponseCacheBuilder silentCall(Duration silence) {
        if (silence.isNegative()) {
            throw new IllegalArgumentException("silentCall must not be negative, was " + silence);
        }
        silentCallNanos = atMost(LONGEST, silence).toNanos();
        return this;
    }

    /** The source of monotonic time in nanoseconds, from any origin; {@link System#nanoTime} unless set. */
    public ResponseCacheBuilder ticker(LongSupplier source) {
        ticker = Objects.requireNonNull(source, "source");
        return this;
    }

    /**
     * Whether the cache keeps the times at which a stream's events arrive, one byte for each, beside the stream's
     * entry. It can then be replayed at that pace ({@link CachePipeline#pace}, wire rule W87). False unless set.
     */
    public ResponseCacheBuilder recordPace(boolean records) {
        recordPace = records;
        return this;
    }

    /**
     * Paths of numbers that hits set to zero, besides those of {@code usage} (wire rule W25). A path is a list of names
     * with dots between. It begins at the top of a document, at the top of an event's data, or at the answer within
     * these data. {@code *} stands for any number of names, or none; arrays do not count as names.
     * {@link #DEFAULT_REPLAY_ZERO} unless set. Applies to answers that are stored from then on.
     *
     * @throws IllegalArgumentException if a path is malformed, or if there are too many; the message quotes the path
     */
    public ResponseCacheBuilder replayZero(Collection<String> paths) {
        replayZero = new ZeroPaths(List.copyOf(paths));
        return this;
    }

    /**
     * Whether the bodies of hits keep the ids that the provider gave them (wire rule W40). Unless set, each hit has a
     * new id. The generation id in a hit's head is new in either case. Applies to answers that are stored from then on.
     */
    public ResponseCacheBuilder originalIds(boolean on) {
        originalIds = on;
        return this;
    }

    ZeroPaths replayZero() {
        return originalIds ? replayZero.keepingIds() : replayZero;
    }

    /**
     * Finish reasons with which even a complete answer is not stored (wire rule W16). They are values of a choice's
     * {@code finish_reason}, {@code stop_reason}, {@code status} or {@code incomplete_details.reason}.
     * {@link #DEFAULT_NEVER_STORED} unless set.
     */
    public ResponseCacheBuilder neverStored(Collection<String> finishReasons) {
        neverStored = Set.copyOf(finishReasons);
        return this;
    }

    /**
     * The budget of heap memory for captures, for answers that are shared between requests, and for replays of large
     * answers. Several caches, and a front-end, may share one budget. {@link MemoryBudget#ofHeap} unless set.
     */
    public ResponseCacheBuilder memory(MemoryBudget budget) {
        memory = Objects.requireNonNull(budget, "budget");
        return this;
    }

    /** The clock for lifetimes; the system clock unless set. */
    public ResponseCacheBuilder clock(Clock source) {
        clock = Objects.requireNonNull(source, "source");
        return this;
    }

    /**
     * Whether the store closes by itself when the JVM exits; it does unless set. Turn this off if a shutdown hook of
     * the host still uses the cache, and close the cache in that hook: all hooks run at the same time.
     */
    public ResponseCacheBuilder closeOnExit(boolean on) {
        closeOnExit = on;
        return this;
    }

    /**
     * Whether all blocks of the file are allocated on the disk before the first entry; they are unless set. Otherwise
     * the file system allocates them as the file fills, and nothing is stored while the disk is nearly full.
     */
    public ResponseCacheBuilder preallocate(boolean on) {
        preallocate = on;
        return this;
    }

    /**
     * The secret with which keys are derived if the file does not exist yet; random unless set. With another machine's
     * secret, that machine's answers can be imported ({@link CacheAdmin#importFrom}). An existing file keeps its own.
     *
     * @param secret the content of the file {@code .secret} beside that machine's file. Copied
     * @throws IllegalArgumentException if it does not have 32 bytes; the message does not quote it
     */
    public ResponseCacheBuilder secretOfNewFile(byte[] secret) {
        if (secret.length != MIN_SECRET) {
            throw new IllegalArgumentException(
                    "a store's secret has " + MIN_SECRET + " bytes, this one had " + secret.length);
        }
        fileSecret = secret.clone();
        return this;
    }

    /**
     * For a program that reads or fills the file of another program, by {@link CacheAdmin#exportTo} and
     * {@link CacheAdmin#importFrom}. A file that exists keeps its capacity, whatever {@link #capacityBytes} says, and
     * is not swept. If it is damaged, opening fails and the file is not set aside.
     */
    public ResponseCacheBuilder keepFile() {
        keepsFile = true;
        return this;
    }

    /**
     * The archive that will be imported. A store file that does not exist is created only if its secret is that of the
     * archive; otherwise {@link #open} fails. Null for none.
     */
    public ResponseCacheBuilder newFileFor(Path folder) {
        archive = folder;
        return this;
    }

    /**
     * The rules for what part of a request body goes into the key, for one endpoint (wire rules W40 and W84);
     * {@link KeyRules#NONE} unless set.
     */
    public ResponseCacheBuilder keyRules(Endpoint endpoint, KeyRules rules) {
        keyRules.put(Objects.requireNonNull(endpoint, "endpoint"), Objects.requireNonNull(rules, "rules"));
        return this;
    }

    /**
     * Whether entries are sealed before they are stored: AES-256-GCM under a key that comes from the caller's
     * credentials, the secret of the installation or cluster, and the entry's key. Somebody who can read the file sees
     * neither prompts nor answers, and somebody who can write to it cannot forge an answer. Copies in memory
     * ({@link #hotBytes}, {@link #memoBytes}) are not sealed. Off unless set.
     *
     * <p>Sealed entries are read whether this is on or off. Once it is on, unsealed entries from before are read until
     * they expire. Unsealed entries that are stored later count as damaged.
     */
    public ResponseCacheBuilder seal(boolean on) {
        seal = on;
        return this;
    }

    boolean seals() {
        return seal != null ? seal : DEFAULT_SEAL && file != null && store == null;
    }

    /** Whether the store may have sealed entries. */
    boolean knowsSeals() {
        return seals() || wasSealed;
    }

    /** Records in a file beside the store whether entries are sealed from now on. Called before the store is opened. */
    private void markSealing() {
        SealMark mark = new SealMark(file);
        long now = clock.millis();
        if (keepsFile && Files.exists(file)) {
            sealedSince = seals() ? mark.since(now) : 0;
            wasSealed = !seals() && mark.isThere();
        } else if (seals()) {
            sealedSince = mark.begin(now);
        } else {
            wasSealed = mark.end(now, IssuedIds.LONGEST_MILLIS + staleIfErrorMillis);
        }
    }

    /**
     * Keeps entries in the given store instead of the memory-mapped file. File and capacity are then ignored. The cache
     * closes the store, unless opening the cache failed.
     */
    public ResponseCacheBuilder store(CacheStore other) {
        store = Objects.requireNonNull(other, "other");
        return this;
    }

    /**
     * Shares answers with other machines by a tier that all of them reach. After a miss the tier is asked before the
     * upstream is called, once for all requests that wait. Answers that are stored here are sent there, sealed with
     * AES-256-GCM. Removals ({@link ResponseCache#remove}, {@link CacheAdmin}'s, and requests that
     * {@link CacheControls#clear clear}) apply to all machines. A tier that is slow or unreachable delays a miss by its
     * timeout at most, and does not delay a hit.
     *
     * <p>Keys are derived with the cluster's secret instead of the one beside the file. So answers that were stored
     * without the tier are not found any more.
     *
     * @param tier the cache closes it, unless opening the cache failed
     * @param secret the same on all machines, 32 bytes or more that nobody can guess. Machines with different secrets
     *     share nothing. Copied
     * @throws IllegalArgumentException if the secret is shorter; the message does not quote it
     */
    public ResponseCacheBuilder sharedTier(SharedTier tier, byte[] secret) {
        sharedTier = Objects.requireNonNull(tier, "tier");
        return clusterSecret(secret);
    }

    /**
     * Whether this machine reads and writes the tier's entries; it does both unless set. Removals apply in any case.
     *
     * @param reads whether it looks answers up there
     * @param writes whether it sends its answers there
     */
    public ResponseCacheBuilder sharedAccess(boolean reads, boolean writes) {
        sharedReads = reads;
        sharedWrites = writes;
        return this;
    }

    /**
     * Whether machines that have the same request at the same time agree on which of them calls the upstream; they do
     * unless set. Then one calls, and the others wait until its answer is in the shared tier, or follow its stream
     * (wire rule W28). This needs both kinds of {@link #sharedAccess}.
     */
    public ResponseCacheBuilder sharedCoalescing(boolean on) {
        sharedTiming = on ? SharedCalls.Timing.USUAL : null;
        return this;
    }

    /** For tests: other durations for leases and waits. */
    ResponseCacheBuilder sharedTiming(SharedCalls.Timing other) {
        sharedTiming = other;
        return this;
    }

    /**
     * How long stored answers are served while this machine cannot hear what other machines remove; without limit
     * unless set. After that each request is a miss until the shared tier is connected again.
     *
     * @param limit not negative; with 0 nothing is served without a connection
     * @throws IllegalArgumentException if it is negative
     */
    public ResponseCacheBuilder sharedMaxUnconnected(Duration limit) {
        if (limit.isNegative()) {
            throw new IllegalArgumentException("sharedMaxUnconnected must not be negative, was " + limit);
        }
        maxUnconnected = atMost(LONGEST, limit);
        return this;
    }

    /** The known names of namespaces. */
    Namespaces namespaces() {
        return new Namespaces(storeFile());
    }

    /** The store's file; null for a store without one. */
    Path storeFile() {
        return store != null ? null : file;
    }

    /**
     * Opens the cache.
     *
     * <p>If that fails in any way, nothing is left open, and the same builder, or another one, may try again.
     *
     * @throws IOException if the file cannot be opened or created; a damaged one is set aside instead
     * @throws IllegalArgumentException if the capacity is too small to work with
     * @throws IllegalStateException if the JVM lacks the flags that Chronicle Map needs; the message names them
     */
    public ResponseCache open() throws IOException {
        if (store != null) {
            return new ResponseCache(this, store, null, ExpiryClock.NEVER);
        }
        if (file != null) {
            if (archive != null && !Files.exists(file)) {
                requireSecretOfArchive();
            }
            markSealing();
        }
        LastUse lastUse = file == null ? null : new LastUse(file);
        long lastUseMillis = lastUse == null ? ExpiryClock.NEVER : lastUse.millis(ExpiryClock.NEVER);
        CacheStore answers = file == null
                ? new HeapStore(capacityBytes)
                : ChronicleStore.open(file, capacityBytes, clock, closeOnExit, preallocate, fileSecret, keepsFile);
        boolean opened = false;
        try {
            ResponseCache cache = new ResponseCache(this, answers, lastUse, lastUseMillis);
            opened = true;
            return cache;
        } finally {
            if (!opened) {
                answers.close();
            }
        }
    }

    /**
     * Fails unless a new file would have the secret of the archive. Called before anything is created, since a file
     * with another secret would have to be deleted by hand.
     */
    private void requireSecretOfArchive() throws IOException {
        if (clusterSecret == null && fileSecret == null) {
            Importer.requireArchive(archive);
            throw new IOException("There is no store " + file + ". A new one would get a secret of its own, and no "
                    + "request would find in it the answers of " + archive + ". Give the exporting store's secret "
                    + "with import --secret, or export again with --with-secret");
        }
        KeyDeriver deriver = clusterSecret != null ? KeyDeriver.ofCluster(clusterSecret) : new KeyDeriver(fileSecret);
        Importer.requireKeys(archive, Answers.keysMadeWith(deriver));
    }

    /**
     * Derives keys with the secret of a cluster (see {@link #sharedTier}) without joining it. Keys are the same as on
     * its machines, but nothing is shared with them. The secret is copied.
     *
     * @throws IllegalArgumentException if it is shorter than 32 bytes; the message does not quote it
     */
    public ResponseCacheBuilder clusterSecret(byte[] secret) {
        if (secret.length < MIN_SECRET) {
            throw new IllegalArgumentException(
                    "a cluster's secret must have at least " + MIN_SECRET + " bytes, had " + secret.length);
        }
        clusterSecret = secret.clone();
        return this;
    }

    private static int requirePositive(int value, String name) {
        if (value <= 0) {
            throw new IllegalArgumentException(name + " must be positive, was " + value);
        }
        return value;
    }
}
