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
 * Settings of a {@link ResponseCache}. Made by {@link ResponseCache#builder}. No parameter may be null. Not
 * thread-safe.
 *
 * <p>Long, since each setting has a method and says what it does.
 */
public final class ResponseCacheBuilder {
    /** The paths that {@link #replayZero} has unless it is set. */
    public static final List<String> DEFAULT_REPLAY_ZERO = ZeroPaths.DEFAULTS;
    /** The reasons that {@link #neverStored} has unless it is set. */
    public static final Set<String> DEFAULT_NEVER_STORED = Set.of("content_filter");

    private static final long DEFAULT_CAPACITY = 1L << 30;
    private static final long MAX_DEFAULT_HOT = 64L << 20;
    private static final long MAX_DEFAULT_MEMO = 32L << 20;
    private static final int DEFAULT_MAX_REQUEST = 8 << 20;
    private static final int DEFAULT_MAX_ANSWER = 16 << 20;
    private static final int MIN_SECRET = 32;
    /** Decided by what a hit costs then: docs/PERFORMANCE.md. */
    private static final boolean DEFAULT_SEAL = false;
    /** Fits into a long as nanoseconds, with room to add to it. */
    private static final Duration LONGEST = Duration.ofDays(36_525);

    /** Null for a cache on the heap. */
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
    /** Null for the default. */
    private Boolean seal;
    /** When sealing began, in milliseconds since the epoch. */
    long sealedSince;

    private boolean wasSealed;
    private CacheStore store;
    /** Null for a random one. */
    private byte[] fileSecret;
    /** Whether a file that is there stays as it is. */
    boolean keepsFile;
    /** What a new file is made for; null for anything. */
    private Path archive;

    MemoryBudget memory;
    SharedTier sharedTier;
    byte[] clusterSecret;
    boolean sharedReads = true;
    boolean sharedWrites = true;
    /** Null if machines do not agree on who calls the upstream. */
    SharedCalls.Timing sharedTiming = SharedCalls.Timing.USUAL;
    /** Null for ever. */
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
     * is allocated as needed. The default is a sixteenth of the capacity and at most 64 MiB; with another
     * {@link #store}, none.
     *
     * <p>For this and {@link #memoBytes}, all caches of a JVM together take at most a quarter of its direct memory
     * ({@code -XX:MaxDirectMemorySize}, or else the maximum heap size), and leave another quarter of it free. If that
     * is less than what was set, the log says so once, and the cache uses what there is. The defaults adapt silently.
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

    /** Whether a size was set. The defaults make do with what there is. */
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
     * @throws IllegalArgumentException if they are not
     */
    public ResponseCacheBuilder maxRequestBytes(int bytes) {
        maxRequestBytes = requirePositive(bytes, "maxRequestBytes");
        return this;
    }

    /**
     * The longest answer that is stored (wire rule W18); 16 MiB unless set.
     *
     * @param bytes more than 0
     * @throws IllegalArgumentException if they are not
     */
    public ResponseCacheBuilder maxAnswerBytes(int bytes) {
        maxAnswerBytes = requirePositive(bytes, "maxAnswerBytes");
        return this;
    }

    /**
     * Interval at which every expired entry is reclaimed. The work is spread over it in slices. One minute unless set.
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
     * For how long after its lifetime an entry may answer in place of a failing upstream, where a request asks for that
     * ({@link CacheDirectives#staleIfErrorSeconds}); not at all unless set. Sweeps leave such entries alone.
     *
     * @param window not negative; more than 100 years are 100 years
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
     * @param limit at least 1 ms; more than 100 years are 100 years
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
     * @param silence not negative; more than 100 years are 100 years
     * @throws IllegalArgumentException if it is negative
     */
    public ResponseCacheBuilder silentCall(Duration silence) {
        if (silence.isNegative()) {
            throw new IllegalArgumentException("silentCall must not be negative, was " + silence);
        }
        silentCallNanos = atMost(LONGEST, silence).toNanos();
        return this;
    }

    /** Monotonic time in nanoseconds, from any origin; {@link System#nanoTime} unless set. */
    public ResponseCacheBuilder ticker(LongSupplier source) {
        ticker = Objects.requireNonNull(source, "source");
        return this;
    }

    /**
     * Whether the times at which the events of a stream come are kept beside its entry, a byte for each, so that it can
     * be replayed at the pace at which it came ({@link CachePipeline#pace}, wire rule W87). False unless set.
     */
    public ResponseCacheBuilder recordPace(boolean records) {
        recordPace = records;
        return this;
    }

    /**
     * Paths of numbers that hits set to zero, besides those of {@code usage} (wire rule W25). A path is names with dots
     * between, from the top of a document or of an event's data, or from the answer in that event. {@code *} stands for
     * any number of names, or none; arrays do not count as names. {@link #DEFAULT_REPLAY_ZERO} unless set. Applies to
     * answers that are stored from then on.
     *
     * @throws IllegalArgumentException if one of them is no path, or if there are too many; the message says which
     */
    public ResponseCacheBuilder replayZero(Collection<String> paths) {
        replayZero = new ZeroPaths(List.copyOf(paths));
        return this;
    }

    /**
     * Whether the answers of hits keep the ids that their providers gave them (wire rule W40), instead of ids of their
     * own; they do not unless set. A response is known by an id of its own all the same. Applies to answers that are
     * stored from then on.
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
     * Whether the file gets all of its blocks on the disk before the first entry; it does unless set. Otherwise they
     * come as it fills, and nothing is stored while the disk is nearly full.
     */
    public ResponseCacheBuilder preallocate(boolean on) {
        preallocate = on;
        return this;
    }

    /**
     * The secret that keys are made with if the file is made now; random unless set. So another machine's answers can
     * be imported ({@link CacheAdmin#importFrom}). A file that is there keeps the secret that it has.
     *
     * @param secret what stands beside that machine's file, in {@code .secret}. Copied
     * @throws IllegalArgumentException if it has not 32 bytes; the message does not quote it
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
     * For a program that reads or fills the file of another one, by {@link CacheAdmin#exportTo} and {@link
     * CacheAdmin#importFrom}: a file that is there keeps its capacity, whatever {@link #capacityBytes} says, is refused
     * and not set aside if it is damaged, and is not swept.
     */
    public ResponseCacheBuilder keepFile() {
        keepsFile = true;
        return this;
    }

    /**
     * An archive that is to be imported. A file that is not there is made only if its secret will be that of the
     * archive; {@link #open} fails otherwise. May be null, for none.
     */
    public ResponseCacheBuilder newFileFor(Path folder) {
        archive = folder;
        return this;
    }

    /**
     * What of the bodies of requests to an endpoint makes two of them different (wire rules W40 and W84);
     * {@link KeyRules#NONE} unless set.
     */
    public ResponseCacheBuilder keyRules(Endpoint endpoint, KeyRules rules) {
        keyRules.put(Objects.requireNonNull(endpoint, "endpoint"), Objects.requireNonNull(rules, "rules"));
        return this;
    }

    /**
     * Whether entries are sealed before they are stored: AES-256-GCM under a key that comes from the caller's
     * credentials, the secret of the installation or cluster, and the entry's key. Whoever reads the file sees no
     * prompt and no answer, and whoever writes to it makes none. Copies in memory ({@link #hotBytes}, {@link
     * #memoBytes}) are as they were. Off unless set; a cache that is not in a file seals only if this is set.
     *
     * <p>Sealed entries are read in any case. Once this is on, entries that are not sealed are read if they were stored
     * before, until they expire; later ones count as damaged.
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

    /** Called before the store is opened. */
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
     * Keeps entries in the given store instead of the memory-mapped file. File and capacity then mean nothing. The
     * cache closes the store, unless opening the cache failed.
     */
    public ResponseCacheBuilder store(CacheStore other) {
        store = Objects.requireNonNull(other, "other");
        return this;
    }

    /**
     * Shares answers with other machines by a tier that all of them reach. What this machine has not stored is looked
     * up there before the upstream is called, once for all who wait, and what it stores is sent there, sealed with
     * AES-256-GCM. Removals ({@link ResponseCache#remove}, {@link CacheAdmin}'s, and requests that
     * {@link CacheControls#clear clear}) hold on all machines. A tier that is slow or gone costs a miss its timeout at
     * most, and hits nothing.
     *
     * <p>Keys are made with the cluster's secret in place of the one beside the file. So answers that were stored
     * before are not found any more.
     *
     * @param tier the cache closes it, unless opening the cache failed
     * @param secret the same on all machines, 32 bytes or more that cannot be guessed. Machines with different secrets
     *     share nothing. Copied
     * @throws IllegalArgumentException if the secret is shorter; the message does not quote it
     */
    public ResponseCacheBuilder sharedTier(SharedTier tier, byte[] secret) {
        sharedTier = Objects.requireNonNull(tier, "tier");
        return clusterSecret(secret);
    }

    /**
     * What this machine does with the shared tier's entries; both unless set. Removals hold in any case.
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
     * Whether machines agree on who calls the upstream for a request that several have at the same time; they do unless
     * set. Then one calls, and the others wait until its answer is in the shared tier, or follow its stream (wire rule
     * W28). It needs both kinds of {@link #sharedAccess}.
     */
    public ResponseCacheBuilder sharedCoalescing(boolean on) {
        sharedTiming = on ? SharedCalls.Timing.USUAL : null;
        return this;
    }

    /** For tests: how long things last between machines. */
    ResponseCacheBuilder sharedTiming(SharedCalls.Timing other) {
        sharedTiming = other;
        return this;
    }

    /**
     * How long stored answers are served while this machine cannot hear what others remove; for as long as they live
     * unless set. After that each request is a miss until the shared tier is connected again.
     *
     * @param limit not negative; 0 if nothing may be served that another machine may have removed
     * @throws IllegalArgumentException if it is negative
     */
    public ResponseCacheBuilder sharedMaxUnconnected(Duration limit) {
        if (limit.isNegative()) {
            throw new IllegalArgumentException("sharedMaxUnconnected must not be negative, was " + limit);
        }
        maxUnconnected = atMost(LONGEST, limit);
        return this;
    }

    /** The names of namespaces, as far as they are known. */
    Namespaces namespaces() {
        return new Namespaces(storeFile());
    }

    /** Null for a store without a file. */
    Path storeFile() {
        return store != null ? null : file;
    }

    /**
     * Opens the cache.
     *
     * <p>If that fails in any way, nothing is left open: the same builder, or another one, may try again.
     *
     * @throws IOException if the file cannot be opened or created; a damaged one is set aside instead
     * @throws IllegalArgumentException if the capacity is too small to work with
     * @throws IllegalStateException if the JVM was started without the flags
     *     that Chronicle Map needs; the message names them
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

    /** Before anything is made, since a file of another secret would have to be deleted by hand. */
    private void requireSecretOfArchive() throws IOException {
        if (clusterSecret == null && fileSecret == null) {
            Importer.requireArchive(archive);
            throw new IOException("There is no store " + file + ", and a new one would have a secret of its own, with"
                    + " which no request finds the answers of " + archive + ". Name the other store's secret (import"
                    + " --secret), or write it into the archive (export --with-secret)");
        }
        KeyDeriver deriver = clusterSecret != null ? KeyDeriver.ofCluster(clusterSecret) : new KeyDeriver(fileSecret);
        Importer.requireKeys(archive, Answers.keysMadeWith(deriver));
    }

    /**
     * The secret of a cluster (see {@link #sharedTier}), without being a part of it: keys are the same as there, and
     * nothing is shared or heard. Copied.
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
