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
 * Agrees with other machines on which of them calls the provider for a key (wire rule W28). The machine that is granted
 * the key's lease calls. The others wait until the answer is in the shared tier, or follow its stream.
 *
 * <p>A lease is advice. A machine that cannot get one, or has waited in vain, makes a call of its own. If two machines
 * call, no answer is wrong; it only costs more. No thread waits. Notices of the tier wake a waiting flight. A lease
 * that lapses wakes nobody, and notices may be lost, so a waiting flight also asks again once a second.
 *
 * <p>A lease that no other machine wants is long and hardly ever renewed, so that its call costs the tier two commands.
 * A machine that asks for it in vain shortens it, and its holder then renews it twice a second. So if the holder dies,
 * the others notice that within {@link Timing#wanted} plus {@link Timing#ask}. Thread-safe.
 */
final class SharedCalls implements SharedLease.Tier {
    /**
     * Durations of leases and waits.
     *
     * @param held life of a lease that no other machine wants
     * @param wanted life of a lease that another machine wants
     * @param beat interval at which a wanted lease is renewed
     * @param ask interval at which a waiting flight asks again; one that follows a stream asks twice as often
     * @param patience how long a lease counts as wanted after another machine has asked for it, and how long failures
     *     of the tier are tolerated
     * @param longest how long a flight waits for another machine's call that has delivered nothing yet
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

    /** A flight that needs an answer. Each method ends the agreement, except a {@link #found} that returns false. */
    interface Party {
        /** The flight must call the provider. */
        void call();

        /** A lookup in the tier had a result. Returns whether it satisfied the flight's request. */
        boolean found(SharedEntries.Looked looked);

        /**
         * The flight must follow another machine's stream.
         *
         * @param reading cancelling it ends the reading
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
    /** The waits for each key; a key has more than one only after a removal. Guarded by itself. */
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
     * Whether machines agree on who calls for a key. They do not for a part of a batch. One call fetches all missing
     * parts of a batch, once it is known which are missing. If each of two machines held the lease for a part that the
     * other waits for, neither would ever call.
     */
    static boolean covers(CacheKey key) {
        return !key.isBytes() && SharedEntries.sealKey(key) != null;
    }

    private static ByteBuffer name(byte[] digest) {
        return ByteBuffer.wrap(digest);
    }

    // ---- asking

    /**
     * Finds out which machine calls.
     *
     * @param asked when the tier was first asked for this flight, by the ticker
     * @param isThere whether the tier has an entry that did not satisfy the request, so that looking again is no use
     */
    void agree(Flight flight, long asked, boolean isThere, Party party) {
        byte[] digest = SharedEntries.bytes(flight.key());
        long left = tier.timeout().toNanos() - (nanos.getAsLong() - asked);
        if (closed || held.containsKey(name(digest))) {
            // This machine has a call under way that is not joinable any more.
            party.call();
        } else if (left <= 0) {
            party.call();
            hold(flight);
        } else {
            SharedWait wait = new SharedWait(this, flight, digest, party);
            // The wait is added before it asks, so that it misses no notice.
            add(wait);
            wait.begin(left, isThere);
        }
    }

    /** Asks for the lease of a call that has begun, so that other machines can wait for the call. */
    void hold(Flight flight) {
        if (closed || !covers(flight.key())) {
            return;
        }
        byte[] digest = SharedEntries.bytes(flight.key());
        adopt(flight, digest, ask(digest));
    }

    /**
     * When the lease is granted, gives it to the call, which has begun already. If the call began before a removal,
     * other machines must not wait for it.
     */
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

    /** Tells the holder of a lease that this machine follows its call, without asking for the lease. */
    CompletableFuture<SharedTier.Lease> want(byte[] digest) {
        return tier.lease(digest, 0, timing.wanted().toMillis()).toCompletableFuture();
    }

    /** Registers a lease that this machine was granted. */
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
            // The lease may have been granted to a wait that has not handled the grant yet.
            waitingFor(digest).forEach(SharedWait::wanted);
        }
        SharedLease lease = held.get(name(digest));
        if (lease != null) {
            execute(lease::wanted);
        }
    }

    /** Lets each waiting flight ask again, since notices may have been lost. */
    void lost() {
        allWaiting().forEach(SharedWait::due);
    }

    /**
     * Makes calls unjoinable that began before a removal of their answers, so that other machines do not wait for them.
     *
     * @param digest of the removed key; null for a removal of more than one key
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

    /**
     * Renews one lease if that is due. Throws nothing, since the timer drops a task that throws, and then no lease
     * would be renewed.
     */
    @SuppressWarnings("CatchingUnchecked")
    private static void beat(SharedLease lease, long now) {
        try {
            lease.beat(now);
        } catch (Throwable e) {
            LOG.warn("A lease could not be renewed; another machine may call the provider, too", e);
        }
    }

    // ---- for leases and waits

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

    /** The budget for bytes that have arrived from the tier. */
    MemoryBudget memory() {
        return entries.memory();
    }

    @Override
    public boolean isClosed() {
        return closed;
    }

    /**
     * Whether the call of a lease is not worth waiting for: it began before a removal, or so long ago that its answer
     * is not shared any more, or the token is invalid. Also true while this machine does not know all removals.
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

    /** Lets every flight that waits make its own call. Idempotent. */
    void close() {
        closed = true;
        timer.shutdownNow();
        allWaiting().forEach(SharedWait::due);
    }
}
