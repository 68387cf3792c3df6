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
 * <p>{@link #wake} is called by whoever has news. One of the callers has the work done, on a thread that may be used,
 * and one thing is asked of the tier at a time; so nothing here needs a lock.
 *
 * <p>It waits at most once. If the other machine's answer is not one that is shared, all who waited call at the same
 * time, rather than one after the other.
 *
 * <p>Long, since what may happen while it waits, and while it follows, is one machine of few states.
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
    /** What to do with the answer of what was asked last. */
    private volatile Runnable answered;
    /** What was found in the tier, until it has been passed on; null for nothing. */
    private volatile SharedEntries.Looked opened;

    // Used only by the thread that does the work.
    private boolean busy;
    private volatile boolean over;
    private long token;
    /** Granted, while the tier is looked at once more. */
    private SharedLease lease;

    private int read;
    private byte[] salt;
    private StreamSeal seal;
    private int beginnings;
    /** Not null once the flight follows a stream. */
    private LiveCopy stream;

    private long heardAt;
    private boolean called;
    /** By its holder, who appends no more. */
    private boolean isGivenBack;
    /** Whether it has lapsed, and since when that is known. */
    private boolean isLost;

    private long lostAt;
    /** Whether the tier has failed since the lease was last seen held. */
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

    /** Somebody elsewhere wants the lease, which may be this one's. */
    void wanted() {
        wanted = true;
    }

    /** It is time to ask again. */
    void due() {
        due = true;
        wake();
    }

    /** Nobody here follows the stream any more. */
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

    @SuppressWarnings("CatchingUnchecked") // somebody waits for an answer
    private void work() {
        try {
            while (!over && step()) {}
        } catch (Throwable e) {
            if (!(e instanceof MemoryBudget.Exhausted)) {
                LOG.warn("A call of another machine could not be followed", e);
            }
            giveUpAnyway(e);
        }
        if (over) {
            letGo();
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

    /** The answer comes later, on a thread of the tier's. */
    private void answer(Runnable handling) {
        answered = handling;
        wake();
    }

    /** Does what is next. Returns whether to go on. */
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
        if (cancelled || isForsaken()) {
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

    /** Whether it would go on for nobody. */
    private boolean isForsaken() {
        return stream == null && lease == null && (due || released) && flight.endIfForsaken();
    }

    private boolean hasWaitedForLong() {
        return calls.nanos() - began > calls.timing().longest().toNanos();
    }

    private boolean isUnheardForLong() {
        return calls.nanos() - heardAt > calls.timing().patience().toNanos();
    }

    // ---- the lease

    /**
     * Asks for the first time.
     *
     * @param patience for how long an answer is waited for
     * @param looked whether one more look at the tier is of no use
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

    /** Whoever follows asks twice as often: it has more to lose, and waits once more before it gives up. */
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

    /** Which tells the other machine that its call is wanted. */
    private boolean askAgain() {
        if (flight.wantsOthersCall()) {
            ask(false);
            return true;
        }
        return false;
    }

    /** @param looked whether one more look at the tier is of no use */
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
                // It was put after the lookup that found nothing.
                look();
            } else {
                call();
            }
        } else if (said.micros() <= 0) {
            // Something else stands in the place of the lease.
            call();
        } else if (token == said.micros()) {
            if (key.streaming()) {
                // Its notice may have been lost.
                read();
            }
        } else if (token != 0) {
            // Another machine calls by now: what was waited for is over.
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
            // Requests that come after a removal from now on do not join this flight.
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
            // Its own, for another thread may be at work, and come to it later.
            opened = looked;
            answered = () -> {
                found(looked);
                letGo();
            };
            // On this thread, or on the one that is at work.
            if (turns.ask()) {
                workOff();
            }
        });
    }

    /** Gives back what is reserved for what was found. */
    private void letGo() {
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

    /** The flight calls for itself, with the lease if it has been granted. */
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

    /** That is how the other machine knows that somebody follows. */
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
            // What waits for a thread is reserved before that.
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

    /** A piece is not of the stream that was read so far: the tier had lost that, and its holder has begun it anew. */
    private void readBeginning() {
        busy = true;
        var unused = calls.tier().read(digest, token, 0).whenComplete((pieces, failure) -> {
            // What waits for a thread is reserved before that.
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
     * Whether a lease that has lapsed will not be renewed any more. If the tier itself was away, its holder gets the
     * time of a wanted lease to come back. If it was not, the holder has missed three renewals already, and gets half a
     * beat.
     *
     * @param isStreamLost whether the tier has lost what it had of the stream: then the holder may be well
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

    /** Opens a piece; the first one says under which salt all are sealed. Null if it cannot be one. */
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

    /** Returns false if it cannot be the next piece. */
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
            // Only now: if that fails, nobody follows, and the flight calls.
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
