package dev.refrain.engine;

import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.seal.StreamSeal;
import dev.refrain.engine.internal.template.LiveCopy;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.SharedTier.Lease;
import dev.refrain.engine.spi.SharedTier.Pieces;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A flight that asks for a lease and, if another machine has it, waits for that machine's answer. It ends in one of
 * four ways: the flight calls the provider itself, with the lease or without; the answer is in the tier; the flight has
 * followed the other machine's stream to its end; or nobody wants the answer any more.
 *
 * <p>Any thread that has news calls {@link #wake}. One of the callers starts the work, on a thread of the cache, and
 * the work asks the tier one thing at a time. So nothing here needs a lock.
 *
 * <p>A flight waits for one call at most. If the answer of that call is not shared, all machines that waited call at
 * the same time, rather than one after the other.
 *
 * <p>Long, since waiting and following are one state machine.
 */
final class SharedWait implements Upstream.Call {
    private static final Logger LOG = LoggerFactory.getLogger(SharedWait.class);

    /** How often a stream may be begun anew while it is followed. */
    private static final int MOST_BEGINNINGS = 5;

    private final SharedCalls calls;
    private final Flight flight;
    private final CacheKey key;
    private final byte[] digest;
    private final SharedCalls.Party party;
    private final long began;

    private final Turns turns = new Turns();
    private volatile boolean released;
    private volatile boolean appended;
    private volatile boolean due;
    private volatile boolean cancelled;
    private volatile boolean wanted;
    /** Handles the tier's answer to the last question; null until it is there. */
    private volatile Runnable answered;
    /** The result of a lookup in the tier, until it has been passed on; null for none. */
    private volatile SharedEntries.Looked opened;

    // Used only by the thread that does the work.
    private boolean busy;
    private volatile boolean over;
    private long token;
    /**
     * The lease, once it is granted; null before. One more lookup in the tier may come between the grant and the call.
     */
    private SharedLease lease;

    private int read;
    private byte[] salt;
    private StreamSeal seal;
    private int beginnings;
    /** The copy of the stream; null until the flight follows one. */
    private LiveCopy stream;

    private long heardAt;
    private boolean called;
    /** Whether the holder has released the lease, and so appends no more. */
    private boolean isGivenBack;
    /** Whether the lease has lapsed. */
    private boolean isLost;
    /** When this machine noticed that the lease had lapsed. */
    private long lostAt;

    /** Whether a call to the tier has failed since the tier last said that the lease is held. */
    private boolean hasFailed;

    SharedWait(SharedCalls calls, Flight flight, byte[] digest, SharedCalls.Party party) {
        this.calls = calls;
        this.flight = flight;
        this.key = flight.key();
        this.digest = digest;
        this.party = party;
        this.began = calls.nanos();
        this.heardAt = began;
    }

    byte[] digest() {
        return digest;
    }

    // ---- news

    void released() {
        released = true;
        wake();
    }

    void appended() {
        appended = true;
        wake();
    }

    /** Notes that another machine wants the key's lease, which may have been granted to this flight. */
    void wanted() {
        wanted = true;
    }

    /** Makes the flight ask again. */
    void due() {
        due = true;
        wake();
    }

    /** Ends the reading, since nobody here follows the stream any more. */
    @Override
    public void cancel() {
        cancelled = true;
        wake();
    }

    private void wake() {
        if (turns.ask()) {
            calls.execute(this::workOff);
        }
    }

    private void workOff() {
        turns.take(this::work);
    }

    @SuppressWarnings("CatchingUnchecked") // a client waits for an answer
    private void work() {
        try {
            while (!over && step()) {}
        } catch (Throwable e) {
            if (!(e instanceof MemoryBudget.Exhausted)) {
                LOG.warn("A call of another machine could not be followed; this one calls the provider", e);
            }
            giveUpAnyway(e);
        }
        if (over) {
            closeResult();
        }
    }

    @SuppressWarnings("CatchingUnchecked")
    private void giveUpAnyway(Throwable cause) {
        try {
            giveUp(cause);
        } catch (Throwable e) {
            LOG.warn("A request that waited for another machine failed", e);
            end();
            flight.fail(e);
        }
    }

    /** Takes an answer of the tier, on a thread of the tier. The work handles the answer on a thread of the cache. */
    private void answer(Runnable handling) {
        answered = handling;
        wake();
    }

    /** Does the next step. Returns whether to go on. */
    private boolean step() {
        if (busy) {
            Runnable handling = answered;
            if (handling == null) {
                return false;
            }
            answered = null;
            busy = false;
            handling.run();
            return true;
        }
        if (cancelled || endsAbandoned()) {
            end();
        } else if (stream != null) {
            return follow();
        } else if (due && (calls.isClosed() || !calls.tier().isAvailable() || hasWaitedForLong())) {
            call();
        } else if (released) {
            released = false;
            look();
        } else if (appended) {
            appended = false;
            read();
        } else if (due) {
            due = false;
            return askAgain();
        } else {
            return false;
        }
        return true;
    }

    /** Ends the flight if nobody waits for it any more. Returns whether it has ended. */
    private boolean endsAbandoned() {
        return stream == null && lease == null && (due || released) && flight.endIfAbandoned();
    }

    private boolean hasWaitedForLong() {
        return calls.nanos() - began > calls.timing().longest().toNanos();
    }

    private boolean isUnheardForLong() {
        return calls.nanos() - heardAt > calls.timing().patience().toNanos();
    }

    // ---- the lease

    /**
     * Asks for the lease for the first time.
     *
     * @param patience how long to wait for the tier's answer, in nanoseconds
     * @param looked true if another lookup in the tier would not help
     */
    void begin(long patience, boolean looked) {
        busy = true;
        flight.waitsElsewhere();
        CompletableFuture<Lease> asked = calls.ask(digest);
        var unused = asked.copy()
                .orTimeout(patience, TimeUnit.NANOSECONDS)
                .whenComplete((said, failure) -> answer(() -> {
                    if (failure == null) {
                        decided(said, looked);
                        return;
                    }
                    call();
                    if (failure instanceof TimeoutException) {
                        calls.adopt(flight, digest, asked);
                    }
                }));
    }

    /**
     * Schedules the next question. A flight that follows a stream asks twice as often. It has more to lose, and asks
     * once more before it gives up.
     */
    private void again() {
        long ask = calls.timing().ask().toNanos();
        calls.later(this::tick, stream == null ? ask : ask / 2);
    }

    private void tick() {
        if (!over) {
            due();
            if (!calls.isClosed()) {
                again();
            }
        }
    }

    /** Asks for the lease again, which also tells its holder that the call is wanted. */
    private boolean askAgain() {
        if (flight.wantsOthersCall()) {
            ask(false);
            return true;
        }
        return false;
    }

    /** @param looked true if another lookup in the tier would not help */
    private void ask(boolean looked) {
        busy = true;
        var unused = calls.ask(digest)
                .whenComplete((said, failure) -> answer(() -> {
                    if (failure != null) {
                        call();
                    } else {
                        decided(said, looked);
                    }
                }));
    }

    private void decided(Lease said, boolean looked) {
        heardAt = calls.nanos();
        if (said.mine()) {
            lease = calls.granted(flight, digest, said.micros());
            token = said.micros();
            if (said.stored() && !looked) {
                // An answer was put into the tier after the lookup that found none.
                look();
            } else {
                call();
            }
        } else if (said.micros() <= 0) {
            // What the tier has under the lease's name is not a lease.
            call();
        } else if (token == said.micros()) {
            if (key.streaming()) {
                // The notice of a piece may have been lost.
                read();
            }
        } else if (token != 0) {
            // Another machine has the lease by now, so the call that this flight waited for is over.
            if (looked) {
                call();
            } else {
                look();
            }
        } else if (calls.isUnfit(key, said.micros())) {
            call();
        } else {
            token = said.micros();
            calls.counters().waits.increment();
            // From now on, requests that come after a removal do not join this flight.
            flight.fetchBegan(token);
            again();
            if (key.streaming()) {
                read();
            }
        }
    }

    private void look() {
        busy = true;
        calls.entries().find(key, looked -> {
            // The handler keeps its own reference to the result, since another thread may be doing the work, and run
            // the handler later.
            opened = looked;
            answered = () -> {
                found(looked);
                closeResult();
            };
            // The work runs on this thread, or on the one that is working already.
            if (turns.ask()) {
                workOff();
            }
        });
    }

    /** Releases the memory that is reserved for the last lookup's result. */
    private void closeResult() {
        SharedEntries.Looked done = opened;
        if (done != null) {
            opened = null;
            done.close();
        }
    }

    private void found(SharedEntries.Looked looked) {
        if (looked.answer() != null && party.found(looked)) {
            if (lease != null) {
                lease.release();
            }
            end();
        } else if (lease != null || looked.unavailable()) {
            call();
        } else {
            ask(true);
        }
    }

    private void end() {
        over = true;
        calls.remove(this);
    }

    /** Lets the flight make its own call, with the lease if it has been granted. */
    private void call() {
        end();
        flight.fetchBegan(lease == null ? calls.entries().nowMicros() : lease.token());
        if (lease != null) {
            flight.holds(lease);
        }
        called = true;
        party.call();
        if (lease != null && wanted) {
            lease.wanted();
        }
    }

    private void giveUp(Throwable cause) {
        if (called) {
            flight.fail(cause);
        } else if (stream == null) {
            call();
        } else {
            broken(cause);
        }
    }

    // ---- the stream

    private boolean follow() {
        if (due) {
            due = false;
            askWhileFollowing();
        } else if (appended || released) {
            isGivenBack |= released;
            appended = false;
            released = false;
            read();
        } else {
            return false;
        }
        return true;
    }

    /** Tells the other machine that its stream is still followed. */
    private void askWhileFollowing() {
        busy = true;
        var unused = calls.want(digest)
                .whenComplete((said, failure) -> answer(() -> {
                    if (failure == null) {
                        heardAt = calls.nanos();
                        read();
                        return;
                    }
                    hasFailed = true;
                    if (isUnheardForLong() || calls.isClosed()) {
                        broken(failure);
                    }
                }));
    }

    private void read() {
        busy = true;
        var unused = calls.tier().read(digest, token, read).whenComplete((pieces, failure) -> {
            // Memory is reserved before the pieces wait for a thread.
            long bytes = failure == null ? bytes(pieces) : 0;
            boolean room = calls.memory().reserve(bytes);
            answer(() -> {
                if (failure == null && room) {
                    heardAt = calls.nanos();
                    try {
                        take(pieces);
                    } finally {
                        calls.memory().release(bytes);
                    }
                    return;
                }
                hasFailed = true;
                if (stream != null && isUnheardForLong()) {
                    broken(failure == null ? new MemoryBudget.Exhausted() : failure);
                }
            });
        });
    }

    private static long bytes(Pieces pieces) {
        return pieces.pieces().stream().mapToLong(piece -> piece.length).sum();
    }

    private void take(Pieces pieces) {
        for (byte[] piece : pieces.pieces()) {
            if (!take(piece)) {
                if (stream == null || beginnings == MOST_BEGINNINGS) {
                    cannotRead();
                } else {
                    readBeginning();
                }
                return;
            }
            read++;
            if (over) {
                return;
            }
        }
        if (stream != null) {
            flight.progressedElsewhere();
        }
        if (pieces.live()) {
            isLost = false;
            hasFailed = false;
        }
        if (!pieces.pieces().isEmpty()) {
            read();
        } else if (!pieces.live()) {
            if (stream == null) {
                released = true;
            } else if (isGivenBack || isLostForGood(pieces.count() < read)) {
                broken(new IllegalStateException("the machine that fetched the answer has lost it"));
            }
        }
    }

    private void cannotRead() {
        calls.counters().rejects.increment();
        giveUp(new IllegalStateException("another machine's stream cannot be read"));
    }

    /**
     * Reads the first piece again, after a piece that does not continue the stream that was read so far. The tier had
     * lost that stream, and the lease's holder has begun it anew.
     */
    private void readBeginning() {
        busy = true;
        var unused = calls.tier().read(digest, token, 0).whenComplete((pieces, failure) -> {
            // Memory is reserved before the pieces wait for a thread.
            byte[] first = failure == null && !pieces.pieces().isEmpty()
                    ? pieces.pieces().get(0)
                    : null;
            long bytes = first == null ? 0 : first.length;
            boolean room = calls.memory().reserve(bytes);
            answer(() -> {
                if (first == null || !room) {
                    // The next tick reads on.
                    hasFailed = true;
                    if (isUnheardForLong()) {
                        broken(new IllegalStateException("the shared tier has lost a stream"));
                    }
                    return;
                }
                try {
                    begin(first);
                } finally {
                    calls.memory().release(bytes);
                }
            });
        });
    }

    private void begin(byte[] first) {
        byte[] former = salt;
        beginnings++;
        if (open(0, first) == null || Arrays.equals(salt, former)) {
            cannotRead();
        } else {
            read();
        }
    }

    /**
     * Whether a lease that has lapsed will not be renewed any more. If the tier has lost the stream, the lease's holder
     * gets {@code patience} to come back. If the tier itself was unreachable, the holder gets the life of a wanted
     * lease. Otherwise the holder has missed three renewals already, and gets half a beat.
     *
     * @param isStreamLost whether the tier has lost the stream, so that the holder may be alive
     */
    private boolean isLostForGood(boolean isStreamLost) {
        if (!isLost) {
            isLost = true;
            lostAt = calls.nanos();
        }
        SharedCalls.Timing timing = calls.timing();
        long grace = isStreamLost
                ? timing.patience().toNanos()
                : hasFailed ? timing.wanted().toNanos() : timing.beat().toNanos() / 2;
        return calls.nanos() - lostAt > grace;
    }

    /** Opens a piece. The first piece has the salt under which all are sealed. Null if the piece is not genuine. */
    private byte[] open(int number, byte[] sealed) {
        int from = 0;
        if (number == 0) {
            from = StreamSeal.SALT_LENGTH;
            if (sealed.length < from) {
                return null;
            }
            salt = Arrays.copyOf(sealed, from);
            seal = new StreamSeal(SharedEntries.sealKey(key), digest, token, salt);
        }
        return seal.open(number, sealed, from);
    }

    /** Handles a piece. Returns false if it is not the next piece of the stream. */
    private boolean take(byte[] sealed) {
        byte[] open = open(read, sealed);
        if (open == null) {
            return false;
        }
        calls.counters().readBytes.add(sealed.length);
        LivePieces.Piece piece = LivePieces.read(open);
        if (piece instanceof LivePieces.Head head && stream == null) {
            LiveCopy copy = new LiveCopy(flight.memory());
            calls.counters().joins.increment();
            party.follow(head, copy, this);
            // Set only now: if follow throws, the flight does not follow the stream, and makes its own call.
            stream = copy;
        } else if (piece instanceof LivePieces.Data data && stream != null) {
            flight.noteElsewhere(data.providerId());
            stream.append(open, data.from(), open.length, data.patchesFrom(), data.from());
        } else if (piece instanceof LivePieces.End last && stream != null) {
            end();
            flight.endedElsewhere(last);
        } else {
            return false;
        }
        return true;
    }

    private void broken(Throwable cause) {
        end();
        flight.brokenElsewhere(cause);
    }
}
