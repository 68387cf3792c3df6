package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.internal.seal.ScopeKey;
import dev.refrain.engine.internal.store.HeardUntil;
import dev.refrain.engine.internal.store.UntoldFile;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.memory.MemoryBudget.Reservation;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTier.Found;
import dev.refrain.engine.stats.SharedStats;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/**
 * Looks up entries that other machines have shared, opens them, and sends entries that were stored here. No method
 * waits for the tier. If the tier fails, a lookup is a miss, and an entry is not shared.
 *
 * <p>The sealed bytes are the entry as it is stored, followed by the provider's id of the answer, which the receiving
 * machine notes. Times that machines compare are those of the tier's clock. A machine that opens an entry sets the
 * entry's times by its own clock, so that clocks may differ. Thread-safe.
 *
 * <p>Long, since lookups, sends and removals are dated by one clock and checked against one set of barriers.
 */
final class SharedEntries implements AutoCloseable {
    /** How long the tier refuses answers whose fetch began before a removal. Answers of longer fetches are not sent. */
    static final long REMEMBER_MILLIS = TimeUnit.HOURS.toMillis(1);

    private static final long LONGEST_FETCH_MICROS = TimeUnit.MILLISECONDS.toMicros(REMEMBER_MILLIS) / 10 * 9;

    private static final int MAX_WAITING_TO_SEND = 10_000;
    /** Opening an entry takes memory of this many times its length: for the open entry, and for a copy. */
    private static final long OPENING_FACTOR = 2;

    private static final int INITIAL_BYTES = 8 * 1024;
    /** Stands for an entry for which there was no memory. It cannot be opened. */
    private static final byte[] NO_ROOM = new byte[0];

    private final SharedTier tier;
    private final boolean reads;
    private final boolean writes;
    private final Answers answers;
    private final LongSupplier nanos;
    private final MemoryBudget memory;
    private final SharedClock time;
    private final SharedBarriers barriers = new SharedBarriers();
    private final SharedNotices notices;
    private final SharedCounters counters = new SharedCounters();
    private final Pool<EntrySeal> seals = new Pool<>(EntrySeal::new);
    private final FailureLog openFailed = new FailureLog("An entry of the shared tier could not be used.");
    private final FailureLog sendFailed = new FailureLog("An entry could not be sent to the shared tier.");
    /** Continues requests after their lookups. */
    private final ThreadPoolExecutor threads;
    /** Seals and sends entries, so that no lookup has to wait for that work. */
    private final ThreadPoolExecutor sender;

    /**
     * The result of a lookup. Must be closed once the answer has been passed on.
     *
     * @param answer null if there is none
     * @param startedMicros when a fetch that follows counts as begun, by the tier's clock; 0 if unknown
     * @param unusable whether the tier has an entry that cannot be opened or must not be used
     * @param unavailable whether the tier did not answer
     * @param room memory reserved for the answer; null for none
     */
    record Looked(SharedAnswer answer, long startedMicros, boolean unusable, boolean unavailable, Reservation room)
            implements AutoCloseable {
        @Override
        public void close() {
            if (room != null) {
                room.close();
            }
        }
    }

    /** Agrees with other machines on which of them calls; null if they do not agree on that. */
    private final SharedCalls calls;

    private final SharedIds ids;

    /**
     * @param file of the store; null if it has none
     * @param timing null if machines do not agree on who calls
     */
    SharedEntries(
            SharedTier tier,
            boolean reads,
            boolean writes,
            SharedCalls.Timing timing,
            Duration maxUnconnected,
            Path file,
            Answers answers) {
        this.tier = tier;
        this.reads = reads;
        this.writes = writes;
        this.answers = answers;
        this.nanos = answers.ticker();
        this.memory = answers.memory();
        this.time = new SharedClock(nanos);
        // Machines that wait read the answer from the tier, and the one that calls writes it there.
        this.calls = timing != null && reads && writes
                ? new SharedCalls(tier, this, barriers, counters, nanos, timing)
                : null;
        this.ids = new SharedIds(tier, this, answers.ids(), nanos, reads, writes);
        this.notices = new SharedNotices(
                tier,
                barriers,
                calls,
                time,
                answers,
                file == null ? null : new HeardUntil(file),
                new SharedUntold(file == null ? null : new UntoldFile(file), this::execute),
                maxUnconnected == null ? -1 : maxUnconnected.toNanos());
        int cores = Math.max(2, Math.min(8, Runtime.getRuntime().availableProcessors()));
        this.threads = pool("refrain-shared-", cores, new LinkedBlockingQueue<>());
        this.sender = pool("refrain-shared-sender-", 1, new ArrayBlockingQueue<>(MAX_WAITING_TO_SEND));
    }

    private static ThreadPoolExecutor pool(String name, int size, BlockingQueue<Runnable> waiting) {
        AtomicInteger number = new AtomicInteger();
        ThreadPoolExecutor pool = new ThreadPoolExecutor(size, size, 10, TimeUnit.SECONDS, waiting, task -> {
            Thread thread = new Thread(task, name + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    /** Starts to listen to other machines' notices. */
    void listen() {
        notices.listen();
    }

    SharedNotices notices() {
        return notices;
    }

    SharedStats stats() {
        return counters.snapshot(tier.isAvailable(), notices.isConnected());
    }

    /** The budget for bytes that have arrived from the tier. */
    MemoryBudget memory() {
        return memory;
    }

    /** Agrees on who calls; null if machines do not agree on that. */
    SharedCalls calls() {
        return calls;
    }

    /** Shares what the ids of hits stand for. */
    SharedIds ids() {
        return ids;
    }

    /**
     * Whether the tier's entry for a key may be used: this machine knows what others have removed, and has told the
     * tier of its own removals of the key.
     */
    boolean mayUse(CacheKey key) {
        return notices.knowsRemovals() && !notices.isUntold(key);
    }

    /** The current time by the tier's clock, which is the start of a fetch that begins now; 0 if unknown. */
    long nowMicros() {
        return time.micros();
    }

    /** Whether a call began so long ago that the tier may have forgotten a removal since then. */
    boolean isOld(long startedMicros) {
        return time.micros() - startedMicros > LONGEST_FETCH_MICROS;
    }

    /** Whether an answer must not be stored here, because it was removed after its fetch had begun. */
    boolean isBarred(CacheKey key, long startedMicros) {
        return startedMicros > 0 && barriers.bars(key, startedMicros);
    }

    /** Whether an answer of the tier must not be used, because it was removed after its fetch had begun. */
    boolean isBarred(CacheKey key, SharedAnswer answer) {
        return barriers.barsShared(key, answer.startedMicros(), answer.askedMicros());
    }

    // ---- asking

    /**
     * Asks for the entry of a key.
     *
     * @param then called once with the result, which it must close: at once if the tier is unavailable, else on a
     *     thread of this cache
     */
    void find(CacheKey key, Consumer<Looked> then) {
        if (!reads || sealKey(key) == null) {
            then.accept(new Looked(null, time.micros(), false, false, null));
            return;
        }
        long asked = nanos.getAsLong();
        // As long as the tier's time is unknown, the tier is asked even if its entries may not be used.
        boolean isOfUse = tier.isAvailable() && (!notices.isCutOff() || time.micros() == 0);
        CompletableFuture<Found> stage = isOfUse ? tier.get(bytes(key)).toCompletableFuture() : null;
        if (stage == null || stage.isCompletedExceptionally()) {
            counters.failures.increment();
            then.accept(new Looked(null, time.micros(), false, true, null));
            return;
        }
        var unused = stage.whenComplete((found, failure) -> {
            if (failure == null) {
                arrived(key, found, asked, then);
            } else {
                execute(() -> then.accept(failed()));
            }
        });
    }

    /** Reserves memory for an entry that has arrived, before the entry has to wait for a thread. */
    private void arrived(CacheKey key, Found found, long asked, Consumer<Looked> then) {
        // Noted here, since the task below may have to wait for a thread.
        time.heard(found.micros());
        int bytes = found.entry() == null ? 0 : found.entry().length;
        Reservation room = memory.open();
        Found kept = room.grow(bytes) ? found : new Found(NO_ROOM, found.micros());
        execute(() -> then.accept(looked(key, kept, asked, room)));
    }

    /** Runs a task that continues a request. Does so even after {@link #close}, since a client waits for the answer. */
    void execute(Runnable task) {
        try {
            threads.execute(task);
        } catch (RejectedExecutionException closed) {
            task.run();
        }
    }

    private Looked failed() {
        counters.failures.increment();
        // The tier has told no time, so a fetch that follows is dated by the estimate.
        return new Looked(null, time.micros(), false, true, null);
    }

    @SuppressWarnings("CatchingUnchecked") // whatever the tier holds, a client waits for an answer
    private Looked looked(CacheKey key, Found found, long asked, Reservation room) {
        counters.lookupNanos.add(nanos.getAsLong() - asked);
        if (!mayUse(key)) {
            counters.failures.increment();
            return new Looked(null, found.micros(), false, true, room);
        }
        SharedAnswer answer = null;
        if (found.entry() == null) {
            counters.misses.increment();
        } else {
            try {
                answer = opened(key, found, room);
            } catch (RuntimeException | VirtualMachineError | AssertionError e) {
                openFailed.add(e);
            }
            if (answer == null) {
                counters.rejects.increment();
            } else {
                counters.receivedBytes.add(found.entry().length);
            }
        }
        return new Looked(answer, found.micros(), answer == null && found.entry() != null, false, room);
    }

    /**
     * Opens an entry. Returns null if this cluster has not sealed it for this key, or if it must not be used any more.
     */
    private SharedAnswer opened(CacheKey key, Found found, Reservation room) {
        byte[] sealed = found.entry();
        if (sealed.length == 0) {
            return null;
        }
        long working = sealed.length * OPENING_FACTOR;
        if (!room.grow(working)) {
            return null;
        }
        EntrySeal seal = seals.take();
        try {
            EntryBuffer open = new EntryBuffer(sealed.length);
            byte[] digest = bytes(key);
            if (!seal.open(sealKey(key), digest, EntryBuffer.of(sealed), open)) {
                return null;
            }
            long started = EntrySeal.started(sealed);
            if (barriers.barsShared(key, started, found.micros())) {
                return null;
            }
            String providerId = SharedTrailer.cut(open);
            if (providerId == null || open.length() < EntryHead.LENGTH) {
                return null;
            }
            long ageMillis = Math.max(0, (found.micros() - started) / 1_000 - EntryCodec.fetchMillis(open.bytes()));
            if (!EntryCodec.retime(digest, open, answers.nowMillis() - ageMillis)) {
                return null;
            }
            if (!providerId.isEmpty()) {
                answers.ids().noteShared(key, open.bytes(), providerId);
            }
            return new SharedAnswer(open, started, found.micros());
        } finally {
            seals.give(seal);
            // From here on only the open entry is kept, so the reservation shrinks to it.
            room.shrink(working);
        }
    }

    void hit() {
        counters.hits.increment();
    }

    void rejected() {
        counters.rejects.increment();
    }

    // ---- sending

    /**
     * Sends the stored entry of a key to the tier, later and on another thread, unless another answer has replaced it.
     *
     * @param tag identifies the answer
     * @param startedMicros tells when its fetch began, by the tier's clock; 0 if unknown
     * @param providerId null if the answer has none
     * @param then runs when the tier has the entry, or will not get it; on any thread, which it must not block
     */
    void send(CacheKey key, long tag, LongSupplier startedMicros, String providerId, Runnable then) {
        if (!writes || sealKey(key) == null) {
            then.run();
            return;
        }
        if (!tier.isAvailable()) {
            lost(then);
            return;
        }
        if (!executeToSend(() -> sendNow(key, tag, startedMicros.getAsLong(), providerId, then))) {
            lost(then);
        }
    }

    /** Runs a task later on the thread that seals and sends. Returns false if too many tasks wait for it. */
    boolean executeToSend(Runnable task) {
        try {
            sender.execute(task);
            return true;
        } catch (RejectedExecutionException tooMany) {
            return false;
        }
    }

    private void lost(Runnable then) {
        counters.storesLost.increment();
        then.run();
    }

    @SuppressWarnings("CatchingUnchecked") // a failure must not keep later entries from being sent
    private void sendNow(CacheKey key, long tag, long started, String providerId, Runnable then) {
        boolean sent = false;
        EntryBuffer open = new EntryBuffer(INITIAL_BYTES, MemoryBudget.SMALL, memory);
        EntryBuffer sealed = new EntryBuffer(INITIAL_BYTES, MemoryBudget.SMALL, memory);
        try {
            byte[] digest = bytes(key);
            if (started == 0
                    || time.micros() - started > LONGEST_FETCH_MICROS
                    || isBarred(key, started)
                    || !answers.peekEntry(key, open)
                    || EntryCodec.tag(open.bytes()) != tag) {
                return;
            }
            long life = EntryHead.expiresAt(open.bytes()) - answers.nowMillis();
            if (life <= 0) {
                return;
            }
            SharedTrailer.append(open, providerId);
            EntrySeal seal = seals.take();
            seal.seal(sealKey(key), digest, open, started, sealed);
            seals.give(seal);
            sent = true;
            put(digest, Arrays.copyOf(sealed.bytes(), sealed.length()), started, life, then);
        } catch (MemoryBudget.Exhausted noRoom) {
            // Memory is short: the answer is stored here, but not shared.
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            sendFailed.add(e);
        } finally {
            open.release();
            sealed.release();
            if (!sent) {
                lost(then);
            }
        }
    }

    private void put(byte[] digest, byte[] value, long started, long life, Runnable then) {
        boolean reserved = memory.reserve(value.length);
        if (!reserved) {
            lost(then);
            return;
        }
        var unused = tier.put(digest, value, started, life).whenComplete((taken, failure) -> {
            memory.release(value.length);
            if (failure == null && taken) {
                counters.stores.increment();
                counters.sentBytes.add(value.length);
                then.run();
            } else {
                lost(then);
            }
        });
    }

    // ---- removing

    /**
     * Removes the entry of a key on all machines.
     *
     * @param isTold whether other machines are told, now or as soon as possible
     * @param began receives the first time of the tier that is after the removal: a fetch from then on is not barred
     * @return completes once {@code began} was called, or exceptionally if the tier did not answer
     */
    CompletionStage<?> remove(CacheKey key, boolean isTold, LongConsumer began) {
        // The barrier is raised first. The tier runs commands in order, so a fetch that begins after the removal also
        // begins after the barrier.
        barriers.removing(key);
        if (isTold) {
            notices.raise(key);
        }
        return tier.remove(bytes(key), REMEMBER_MILLIS).whenComplete((micros, failure) -> {
            if (failure == null) {
                time.heard(micros);
                barriers.removed(key, micros);
                began.accept(micros + 1);
            } else {
                barriers.removed(key, time.microsAtMost());
            }
        });
    }

    static ScopeKey sealKey(CacheKey key) {
        return key.knownScope() == null ? null : key.knownScope().sealKey();
    }

    static byte[] bytes(CacheKey key) {
        byte[] digest = new byte[CacheKey.LENGTH];
        key.copyTo(digest, 0);
        return digest;
    }

    /** Closes the tier. Idempotent. */
    @Override
    public void close() {
        if (calls != null) {
            calls.close();
        }
        sender.shutdown();
        threads.shutdown();
        tier.close();
        // Calls to the tier that were under way have failed by now, so the notices know all removals that other
        // machines have not been told of.
        notices.close();
    }
}
