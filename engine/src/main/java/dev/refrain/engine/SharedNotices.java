package dev.refrain.engine;

import dev.refrain.engine.internal.store.HeardUntil;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTier.Raised;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells other machines of removals made here, and repeats their removals here (wire rule W91). While this machine is
 * connected, a barrier takes effect on this machine's store before the machine that raised it gets the confirmation.
 * Barriers that this machine missed while it was not connected take effect when it is connected again, in one walk over
 * the store. Barriers that this machine could not raise are raised then. Thread-safe.
 */
final class SharedNotices implements SharedTier.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(SharedNotices.class);

    /**
     * How long a removal by an operator waits for all machines, in seconds. The tier itself waits for a shorter time.
     */
    private static final long WAIT_SECONDS = 10;

    private static final long MARK_NANOS = TimeUnit.SECONDS.toNanos(10);
    /** At most this many barriers that could not be raised before are raised with each heartbeat. */
    private static final int RAISED_AT_A_TIME = 1_000;
    /** At most this many missed barriers are collected for one walk over the store. */
    private static final int MISSED_AT_A_TIME = 1_000;

    private final SharedTier tier;
    private final SharedBarriers barriers;
    /** Agrees with other machines on which of them calls; null if they do not agree on that. */
    private final SharedCalls calls;

    private final SharedClock time;
    private final Answers answers;
    private final LongSupplier nanos;
    /** Keeps {@link #heardUntil} in a file, across restarts; null for a store without a file. */
    private final HeardUntil mark;
    /** How long hits are served without a connection, in nanoseconds; negative for no limit. */
    private final long maxUnconnectedNanos;

    private final SharedUntold untold;

    private volatile boolean connected;
    /** Whether this machine has known all removals at least once. */
    private volatile boolean begun;

    private volatile long cutAt;

    // Used only by the tier's thread.
    private final Set<String> missed = new HashSet<>();
    /** Time of the tier up to which this machine has applied all removals. */
    private long heardUntil;

    private long markedAt;
    /** Whether the file of untold removals must be read again, because another process was writing to it. */
    private boolean looksAgain;

    SharedNotices(
            SharedTier tier,
            SharedBarriers barriers,
            SharedCalls calls,
            SharedClock time,
            Answers answers,
            HeardUntil mark,
            SharedUntold untold,
            long maxUnconnectedNanos) {
        this.tier = tier;
        this.barriers = barriers;
        this.calls = calls;
        this.time = time;
        this.answers = answers;
        this.nanos = answers.ticker();
        this.mark = mark;
        this.untold = untold;
        this.maxUnconnectedNanos = maxUnconnectedNanos;
        this.heardUntil = mark == null ? 0 : mark.micros();
        untold.takeOver();
        this.cutAt = nanos.getAsLong();
        this.markedAt = cutAt;
    }

    /** Starts to listen. Asks for all barriers that there are, since the tier still has the entries that they bar. */
    void listen() {
        tier.listen(0, this);
    }

    boolean isConnected() {
        return connected;
    }

    /** Whether stored answers must not be served, because this machine has not been connected for too long. */
    boolean isCutOff() {
        return maxUnconnectedNanos >= 0 && !connected && nanos.getAsLong() - cutAt >= maxUnconnectedNanos;
    }

    /**
     * Whether the tier's entries may be used. A removal of more than a key leaves its entries in the tier and only
     * raises a barrier. A machine that has not heard all barriers yet cannot tell which of these entries were removed.
     */
    boolean knowsRemovals() {
        return begun && !untold.isTakenOver() && !isCutOff();
    }

    /**
     * Whether a key was removed here but the tier has not been told yet, so that the tier may still have the entry.
     * {@link SharedBarriers} knows that, too, but for fewer keys.
     */
    boolean isUntold(CacheKey key) {
        SharedUnraised unraised = untold.unraised();
        return unraised.hasAny() && unraised.covers(barriers.keyOfOurs(key), scopeOf(key));
    }

    // ---- told by the tier

    @Override
    public void raised(byte[] barrier, long micros) {
        time.heard(micros);
        String name = SharedBarriers.name(barrier);
        if (name == null) {
            return;
        }
        barriers.raised(name, micros);
        if (barriers.isOurs(name)) {
            return;
        }
        if (calls != null) {
            calls.removed(name.charAt(0) == SharedBarriers.KEY ? SharedBarriers.keyOf(name) : null);
        }
        if (connected || (micros > heardUntil && name.charAt(0) == SharedBarriers.KEY)) {
            // Barriers for keys need no walk, and clients determine their number, so they are not collected.
            removeHere(Set.of(name));
        } else if (micros > heardUntil) {
            missed.add(name);
            if (missed.size() >= MISSED_AT_A_TIME) {
                // Clients can cause any number of barriers, so the set is bounded. When it is full, the answers that it
                // names are removed. Dropping the whole store would cost more hits.
                removeMissed();
            }
        }
    }

    private void removeMissed() {
        removeHere(missed);
        missed.clear();
    }

    @Override
    public void incomplete(long micros) {
        barriers.completeSince(micros);
        if (heardUntil > 0 && heardUntil < micros) {
            LOG.info("The shared tier does not know what was removed while this machine was disconnected. This "
                    + "machine drops its stored answers");
            missed.add(SharedBarriers.all());
        }
    }

    @Override
    public void caughtUp(long micros) {
        time.heard(micros);
        if (!missed.isEmpty()) {
            removeMissed();
        }
        heardUntil = micros;
        if (!connected || looksAgain) {
            looksAgain = !untold.tryTakeOver();
        }
        untold.forgetWhatIsTold();
        // Untold removals of keys are found by isUntold. But a removal by an operator that came before the tier's time
        // was known has barred nothing here. So the tier's entries are not used before the tier was told of it.
        begun = begun || !untold.unraised().hasMoreThanKeys();
        if (!connected) {
            connected = true;
            raiseAgain();
            keepMark(micros);
            return;
        }
        if (untold.unraised().isWaiting()) {
            // The tier was slow, or refused the barriers for a moment, but the connection was not lost.
            raiseAgain();
        }
        if (nanos.getAsLong() - markedAt > MARK_NANOS) {
            looksAgain = !untold.tryTakeOver();
            keepMark(micros);
        }
    }

    private void keepMark(long micros) {
        if (mark != null) {
            mark.mark(micros);
            markedAt = nanos.getAsLong();
        }
    }

    @Override
    public void lost() {
        cutAt = nanos.getAsLong();
        connected = false;
        if (calls != null) {
            calls.lost();
        }
    }

    /** Removes from the store what the barriers cover: keys without a walk, all else in as few walks as possible. */
    private void removeHere(Set<String> names) {
        Set<String> walked = new HashSet<>();
        Set<String> digests = new HashSet<>();
        for (String name : names) {
            if (name.charAt(0) == SharedBarriers.KEY) {
                byte[] key = SharedBarriers.keyOf(name);
                if (key != null) {
                    answers.removeByDigest(key);
                }
            } else if (name.charAt(0) == SharedBarriers.DIGEST) {
                digests.add(name.substring(1));
            } else {
                walked.add(name);
            }
        }
        if (!digests.isEmpty()) {
            answers.removeDigests(digests);
        }
        if (walked.contains(SharedBarriers.all())) {
            answers.removeIf(head -> head[EntryHead.KIND] != EntryHead.NOTE);
        } else if (!walked.isEmpty()) {
            answers.removeIf(SharedBarriers.heads(walked));
        }
    }

    @Override
    public void released(byte[] key) {
        if (calls != null) {
            calls.released(key);
        }
    }

    @Override
    public void wanted(byte[] key) {
        if (calls != null) {
            calls.wanted(key);
        }
    }

    @Override
    public void appended(byte[] key) {
        if (calls != null) {
            calls.appended(key);
        }
    }

    // ---- raising

    /**
     * Whether a client, known to the provider or not, may remove a key now: other machines can be told, or there is
     * room to remember the removal until they can.
     */
    boolean hasRoomFor(CacheKey key) {
        return tier.isAvailable() || untold.unraised().hasRoomFor(scopeOf(key));
    }

    /** Like {@link #hasRoomFor}, for a removal by the beginning of a key's digest. */
    boolean hasRoomForDigest() {
        return tier.isAvailable() || untold.unraised().hasRoomForDigest();
    }

    private static String scopeOf(CacheKey key) {
        return key.scope().isEmpty() ? null : SharedBarriers.scope(key.scope());
    }

    /** Tells all machines that a key was removed, now or as soon as possible. Does not wait for them. */
    void raise(CacheKey key) {
        var unused = raise(new SharedUnraised.Kept(barriers.keyOfOurs(key), scopeOf(key)));
    }

    private CompletionStage<Raised> raise(SharedUnraised.Kept barrier) {
        return tier.raise(SharedBarriers.bytes(barrier.name())).whenComplete((raised, failure) -> {
            if (failure != null) {
                untold.add(barrier);
            } else {
                warnOfUnheard(raised);
            }
        });
    }

    /** Tells all machines of a removal by an operator, and waits until all connected ones have confirmed it. */
    void raiseAndWait(String name) {
        if (SharedBarriers.name(SharedBarriers.bytes(name)) == null) {
            // The name is malformed, and no entry has such a tag, here or elsewhere.
            return;
        }
        try {
            warnOfUnheard(
                    tier.raise(SharedBarriers.bytes(name)).toCompletableFuture().get(WAIT_SECONDS, TimeUnit.SECONDS));
        } catch (ExecutionException | TimeoutException e) {
            barHere(name);
            untold.addAtOnce(name);
            LOG.warn("Other machines could not be told of a removal yet: {}. Refrain tries again", brief(e));
        } catch (InterruptedException e) {
            barHere(name);
            untold.addAtOnce(name);
            Thread.currentThread().interrupt();
        }
    }

    /** Applies a barrier here without the tier's notice. Calls under way are barred, too, if their start is known. */
    private void barHere(String name) {
        barriers.raised(name, time.microsAtMost());
        if (calls != null) {
            calls.removed(null);
        }
        // This removes what was stored before the barrier was raised.
        removeHere(Set.of(name));
    }

    private static String brief(Exception e) {
        return e.getCause() == null
                ? "no answer in time"
                : String.valueOf(e.getCause().getMessage());
    }

    private static void warnOfUnheard(Raised raised) {
        if (raised.unheard() > 0) {
            LOG.warn(
                    "{} machines did not confirm a removal in time. They learn of it before they serve another shared "
                            + "answer; nothing to do",
                    raised.unheard());
        }
    }

    /** Writes the removals that other machines have not been told of to the file. */
    void close() {
        untold.close();
    }

    private void raiseAgain() {
        SharedUnraised unraised = untold.unraised();
        for (SharedUnraised.Kept barrier : unraised.take(RAISED_AT_A_TIME)) {
            if (barrier.name().charAt(0) == SharedBarriers.KEY) {
                byte[] key = SharedBarriers.keyOf(barrier.name());
                var unused = tier.remove(key, SharedEntries.REMEMBER_MILLIS);
            }
            // If raise fails, it adds the barrier again before this action runs.
            var unused = raise(barrier).whenComplete((raised, failure) -> unraised.over(barrier));
        }
    }
}
