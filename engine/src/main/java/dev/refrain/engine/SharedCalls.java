package dev.refrain.engine;

import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.template.LiveCopy;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.SharedTier;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Agrees with other machines on who calls the provider for a key (wire rule W28): whoever is granted the key's lease
 * does, and the others wait until the answer is in the shared tier, or follow its stream.
 *
 * <p>A lease is advice. Whoever cannot get one, or has waited in vain, calls for itself, so nothing is wrong if two
 * machines call; it only costs more. No thread waits. Notices of the tier wake whoever waits; since a lease that lapses
 * wakes nobody, and notices may be lost, whoever waits also asks again once a second.
 *
 * <p>A lease that nobody wants is long and hardly ever renewed. Whoever asks for it in vain cuts it short, and while it
 * is wanted its holder renews it twice a second: so the death of a machine is noticed within {@link Timing#wanted} and
 * {@link Timing#ask}, and calls that nobody else waits for cost the tier two commands. Thread-safe.
 */
final class SharedCalls implements SharedLease.Tier {
    /**
     * How long things last.
     *
     * @param held a lease that nobody wants
     * @param wanted one that somebody does
     * @param beat how often those are renewed
     * @param ask how often whoever waits asks again; whoever follows does so twice as often
     * @param patience how long a lease counts as wanted after somebody has asked, and how long a failing tier is borne
     * @param longest how long another machine's call is waited for that has not brought anything yet
     */
    record Timing(Duration held, Duration wanted, Duration beat, Duration ask, Duration patience, Duration longest) {
        static final Timing USUAL = new Timing(
                Duration.ofSeconds(30),
                Duration.ofMillis(1_500),
                Duration.ofMillis(500),
                Duration.ofSeconds(1),
                Duration.ofSeconds(3),
                Duration.ofMinutes(2));
    }

    /** A flight that needs an answer. Each method ends the agreement, but for a {@link #found} that returns false. */
    interface Party {
        /** It is to call the provider. */
        void call();

        /** Something was found after all. Returns whether it was good enough. */
        boolean found(SharedEntries.Looked looked);

        /**
         * It is to follow another machine's stream.
         *
         * @param reading ends when it is cancelled
         */
        void follow(LivePieces.Head head, LiveCopy stream, Upstream.Call reading);
    }

    private static final Logger LOG = LoggerFactory.getLogger(SharedCalls.class);

    private final SharedTier tier;
    private final SharedEntries entries;
    private final SharedBarriers barriers;
    private final SharedCounters counters;
    private final LongSupplier nanos;
    private final Timing timing;
    private final ScheduledThreadPoolExecutor timer;

    private final Map<ByteBuffer, SharedLease> held = new ConcurrentHashMap<>();
    /** Guarded by itself. There is more than one for a key only after a removal. */
    private final Map<ByteBuffer, List<SharedWait>> waiting = new HashMap<>();

    private volatile boolean closed;

    SharedCalls(
            SharedTier tier,
            SharedEntries entries,
            SharedBarriers barriers,
            SharedCounters counters,
            LongSupplier nanos,
            Timing timing) {
        this.tier = tier;
        this.entries = entries;
        this.barriers = barriers;
        this.counters = counters;
        this.nanos = nanos;
        this.timing = timing;
        this.timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "refrain-shared-calls");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
        long beat = timing.beat().toNanos();
        timer.scheduleAtFixedRate(this::beat, beat, beat, TimeUnit.NANOSECONDS);
    }

    /**
     * Whether machines agree on who calls for a key. Not for a part of a batch: it is called for with others, when all
     * of them are known to be missing, and two machines that each hold what the other waits for would never call.
     */
    static boolean covers(CacheKey key) {
        return !key.isBytes() && SharedEntries.sealKey(key) != null;
    }

    private static ByteBuffer name(byte[] digest) {
        return ByteBuffer.wrap(digest);
    }

    // ---- asking

    /**
     * Finds out who is to call.
     *
     * @param asked when the tier was first asked for this flight, by the ticker
     * @param isThere whether there is an entry that was not good enough, so that one more look would find no better
     */
    void agree(Flight flight, long asked, boolean isThere, Party party) {
        byte[] digest = SharedEntries.bytes(flight.key());
        long left = tier.timeout().toNanos() - (nanos.getAsLong() - asked);
        if (closed || held.containsKey(name(digest))) {
            // This machine calls already, and that is not to be joined any more.
            party.call();
        } else if (left <= 0) {
            party.call();
            hold(flight);
        } else {
            SharedWait wait = new SharedWait(this, flight, digest, party);
            // Before it asks, so that no notice comes too early.
            add(wait);
            wait.begin(left, isThere);
        }
    }

    /** Asks for the lease of a call that has begun, for others to wait for. */
    void hold(Flight flight) {
        if (closed || !covers(flight.key())) {
            return;
        }
        byte[] digest = SharedEntries.bytes(flight.key());
        adopt(flight, digest, ask(digest));
    }

    /** The lease is for a call that has begun, which may be from before a removal that others know of by now. */
    void adopt(Flight flight, byte[] digest, CompletableFuture<SharedTier.Lease> asked) {
        var unused = asked.thenAccept(said -> {
            if (said.mine()) {
                SharedLease lease = granted(flight, digest, said.micros());
                flight.holds(lease);
                closeIfBarred(lease);
            }
        });
    }

    CompletableFuture<SharedTier.Lease> ask(byte[] digest) {
        return tier.lease(digest, timing.held().toMillis(), timing.wanted().toMillis())
                .toCompletableFuture();
    }

    /** Says that the call of another machine is followed, without asking for its lease. */
    CompletableFuture<SharedTier.Lease> want(byte[] digest) {
        return tier.lease(digest, 0, timing.wanted().toMillis()).toCompletableFuture();
    }

    /** This machine has the lease of a key. */
    SharedLease granted(Flight flight, byte[] digest, long token) {
        SharedLease lease = new SharedLease(this, flight, digest, token);
        held.put(name(digest), lease);
        return lease;
    }

    private void add(SharedWait wait) {
        synchronized (waiting) {
            waiting.computeIfAbsent(name(wait.digest()), none -> new ArrayList<>(1))
                    .add(wait);
        }
    }

    void remove(SharedWait wait) {
        synchronized (waiting) {
            List<SharedWait> all = waiting.get(name(wait.digest()));
            if (all != null && all.remove(wait) && all.isEmpty()) {
                waiting.remove(name(wait.digest()));
            }
        }
    }

    private List<SharedWait> waitingFor(byte[] digest) {
        synchronized (waiting) {
            return List.copyOf(waiting.getOrDefault(name(digest), List.of()));
        }
    }

    private List<SharedWait> allWaiting() {
        synchronized (waiting) {
            return waiting.values().stream().flatMap(List::stream).toList();
        }
    }

    // ---- told by the tier; nothing here blocks

    void released(byte[] digest) {
        waitingFor(digest).forEach(SharedWait::released);
    }

    void appended(byte[] digest) {
        waitingFor(digest).forEach(SharedWait::appended);
    }

    void wanted(byte[] digest) {
        if (held.get(name(digest)) == null) {
            // The lease may have been granted a moment ago, and this machine not have handled that yet.
            waitingFor(digest).forEach(SharedWait::wanted);
        }
        SharedLease lease = held.get(name(digest));
        if (lease != null) {
            execute(lease::wanted);
        }
    }

    /** Notices may have been lost: whoever waits looks. */
    void lost() {
        allWaiting().forEach(SharedWait::due);
    }

    /**
     * Something was removed: calls that began before are not to be waited for.
     *
     * @param digest of the one key that it was removed for, or null
     */
    void removed(byte[] digest) {
        if (digest != null) {
            closeIfBarred(held.get(name(digest)));
        } else {
            held.values().forEach(this::closeIfBarred);
        }
    }

    private void closeIfBarred(SharedLease lease) {
        if (lease != null
                && (lease.flight().isBarred() || barriers.bars(lease.flight().key(), lease.token()))) {
            execute(lease.flight()::closeToNewcomers);
        }
    }

    private void beat() {
        long now = nanos.getAsLong();
        held.values().forEach(lease -> beat(lease, now));
    }

    /** What fails for one lease must not keep the others from being renewed: a task that throws is not run again. */
    @SuppressWarnings("CatchingUnchecked")
    private static void beat(SharedLease lease, long now) {
        try {
            lease.beat(now);
        } catch (Throwable e) {
            LOG.warn("A lease could not be renewed", e);
        }
    }

    // ---- for leases and those who wait

    @Override
    public SharedTier tier() {
        return tier;
    }

    @Override
    public Timing timing() {
        return timing;
    }

    @Override
    public SharedCounters counters() {
        return counters;
    }

    @Override
    public long nanos() {
        return nanos.getAsLong();
    }

    @Override
    public void drop(SharedLease lease) {
        held.remove(name(lease.digest()), lease);
    }

    SharedEntries entries() {
        return entries;
    }

    /** Where is reserved what has come from the tier. */
    MemoryBudget memory() {
        return entries.memory();
    }

    @Override
    public boolean isClosed() {
        return closed;
    }

    /**
     * Whether the call of a lease is not worth waiting for: it began before a removal, or so long ago that its answer
     * is not shared any more, or the token cannot be one. Also true while this machine does not know what was removed.
     */
    boolean isUnfit(CacheKey key, long token) {
        return token <= 0 || !entries.mayUse(key) || entries.isOld(token) || barriers.barsShared(key, token, token);
    }

    @Override
    public void execute(Runnable task) {
        entries.execute(task);
    }

    @Override
    public void later(Runnable task, long delayNanos) {
        if (delayNanos <= 0 || closed) {
            execute(task);
            return;
        }
        try {
            timer.schedule(() -> execute(task), delayNanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            execute(task);
        }
    }

    /** Every flight that waits makes its own call. Idempotent. */
    void close() {
        closed = true;
        timer.shutdownNow();
        allWaiting().forEach(SharedWait::due);
    }
}
