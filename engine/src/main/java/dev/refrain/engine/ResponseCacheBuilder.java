package dev.refrain.engine;

import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.hot.DirectMemory;
import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.internal.store.LastUse;
import dev.refrain.engine.internal.template.ZeroPaths;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.HeapStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongSupplier;

/** Settings of a {@link ResponseCache}. Made by {@link ResponseCache#builder}. Not thread-safe. */
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
    ZeroPaths replayZero = new ZeroPaths(DEFAULT_REPLAY_ZERO);
    Set<String> neverStored = DEFAULT_NEVER_STORED;
    Clock clock = Clock.systemUTC();
    private boolean closeOnExit = true;
    private boolean preallocate = true;
    private CacheStore store;
    MemoryBudget memory;

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
            throw new IllegalArgumentException("capacityBytes is too small, was " + bytes);
        }
        capacityBytes = bytes;
        return this;
    }

    /**
     * How much memory outside the heap may hold decompressed copies of the answers that are asked for most; 0 for none.
     * Taken as it is needed. A sixteenth of the capacity unless set, at most 64 MiB, and nothing with a store of
     * another kind ({@link #store}).
     *
     * <p>All caches of a JVM together take no more than a quarter of its direct memory
     * ({@code -XX:MaxDirectMemorySize}, or else as much as the heap may grow to), for this and {@link #memoBytes}
     * together, and leave another quarter of it free. If that is less than one of the two was set to, the log says so
     * once, and what there is is used; the defaults adapt without a word.
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
     * How much memory outside the heap may hold requests that come again and again, with their keys, so that they are
     * neither parsed nor digested again; 0 for none. These are prompts as sent: they are in the memory of this process
     * and nowhere else, for as long as they are asked for and their answer is stored; a prompt that comes once is not
     * among them. Taken as it is needed, within the bounds of {@link #hotBytes}. A thirty-second of the capacity unless
     * set, at most 32 MiB.
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

    /** Whether the sizes are somebody's wish; the defaults make do with what there is. */
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

    /** The longest request body that is eligible (wire rule W18), in bytes; 8 MiB unless set. */
    public ResponseCacheBuilder maxRequestBytes(int bytes) {
        maxRequestBytes = requirePositive(bytes, "maxRequestBytes");
        return this;
    }

    /** The longest answer that is stored (wire rule W18), in bytes; 16 MiB unless set. */
    public ResponseCacheBuilder maxAnswerBytes(int bytes) {
        maxAnswerBytes = requirePositive(bytes, "maxAnswerBytes");
        return this;
    }

    /**
     * Interval at which every expired entry is reclaimed. The work is spread over it in slices. One minute unless set.
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
     * the call fails with a {@link java.util.concurrent.TimeoutException}, for all who wait for it, and
     * {@link Upstream.Call#cancel} is called; so an upstream that never ends its sink holds up nobody for longer, and
     * who waits for one call after another three times as long at most (wire rule W28). Holds for requests with caching
     * on; with it off, the upstream and the sink have it out between them.
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
     * Whether an upstream call is broken off once everybody who waits for its answer has gone (wire rule W29). Unless
     * set it is finished and its answer stored, so that the retry is a hit.
     */
    public ResponseCacheBuilder cancelWhenAbandoned(boolean cancel) {
        cancelWhenAbandoned = cancel;
        return this;
    }

    /**
     * How long an upstream call that all of its readers have left may have been silent and still be joined; 2 seconds
     * unless set. After that whoever comes makes a call of its own, and the answer of the old one is stored if it comes
     * after all (wire rule W28b).
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

    /** For tests: time that passes, in nanoseconds; {@link System#nanoTime} unless set. */
    ResponseCacheBuilder ticker(LongSupplier source) {
        ticker = source;
        return this;
    }

    /**
     * Where hits have numbers of tokens and money at zero besides {@code usage} (wire rule W25): names with dots
     * between, from the top of a document or of an event's data, or from the answer in that event. {@code *} stands for
     * any names in a row, also for none; lists do not count as names. {@link #DEFAULT_REPLAY_ZERO} unless set. Applies
     * to what is stored from then on.
     *
     * @throws IllegalArgumentException if one of them is no path, or if there are too many; the message says which
     */
    public ResponseCacheBuilder replayZero(Collection<String> paths) {
        replayZero = new ZeroPaths(List.copyOf(paths));
        return this;
    }

    /**
     * Finish reasons of complete answers that are not stored all the same (wire rule W16), in the words of the answer:
     * a choice's {@code finish_reason}, {@code stop_reason}, {@code status} or {@code incomplete_details.reason}.
     * {@link #DEFAULT_NEVER_STORED} unless set.
     */
    public ResponseCacheBuilder neverStored(Collection<String> finishReasons) {
        neverStored = Set.copyOf(finishReasons);
        return this;
    }

    /**
     * What may be held of the heap because of what others send: by captures of answers that are to be stored, by
     * answers that are handed round, and by the replay of large ones. Several caches, and a front-end, may share one.
     * {@link MemoryBudget#ofHeap} unless set.
     */
    public ResponseCacheBuilder memory(MemoryBudget budget) {
        memory = Objects.requireNonNull(budget, "budget");
        return this;
    }

    /** Where the time comes from; the system clock unless set. */
    public ResponseCacheBuilder clock(Clock source) {
        clock = Objects.requireNonNull(source, "source");
        return this;
    }

    /**
     * Whether the store closes by itself when the JVM exits; it does unless set. Turn this off where a shutdown hook of
     * the host's own finishes work that still uses the cache, and close the cache there: hooks run at the same time.
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
     * Keeps entries in another store than the memory-mapped file. The cache closes it, unless it could not be opened in
     * the first place. Then file and capacity mean nothing.
     */
    public ResponseCacheBuilder store(CacheStore other) {
        store = Objects.requireNonNull(other, "other");
        return this;
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
        LastUse lastUse = file == null ? null : new LastUse(file);
        long lastUseMillis = lastUse == null ? ExpiryClock.NEVER : lastUse.millis(ExpiryClock.NEVER);
        CacheStore answers = file == null
                ? new HeapStore(capacityBytes)
                : ChronicleStore.open(file, capacityBytes, clock, closeOnExit, preallocate);
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

    private static int requirePositive(int value, String name) {
        if (value <= 0) {
            throw new IllegalArgumentException(name + " must be positive, was " + value);
        }
        return value;
    }
}
