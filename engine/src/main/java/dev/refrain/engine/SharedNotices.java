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
 * Tells other machines what was removed here, and removes here what was removed there (wire rule W91). While this
 * machine is connected, a barrier has taken effect on its store before the machine that raised it is told so. What it
 * missed while it was not takes effect when it is connected again, in one walk over the store. Barriers that could not
 * be raised are raised then. Thread-safe.
 */
final class SharedNotices implements SharedTier.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(SharedNotices.class);

    /** How long whoever removes answers waits for all machines: longer than a tier does. */
    private static final long WAIT_SECONDS = 10;

    private static final long MARK_NANOS = TimeUnit.SECONDS.toNanos(10);
    /** How many barriers that could not be raised are raised at a time, with each heartbeat. */
    private static final int RAISED_AT_A_TIME = 1_000;
    /** How many that were missed are gathered for one walk over the store. */
    private static final int MISSED_AT_A_TIME = 1_000;

    private final SharedTier tier;
    private final SharedBarriers barriers;
    /** Null if machines do not agree on who calls. */
    private final SharedCalls calls;

    private final SharedClock time;
    private final Answers answers;
    private final LongSupplier nanos;
    /** Null for a store without a file. */
    private final HeardUntil mark;
    /** How long hits are served without a connection, in nanoseconds; negative for ever. */
    private final long maxUnconnectedNanos;

    private final SharedUntold untold;

    private volatile boolean connected;
    /** Whether it has been connected ever. */
    private volatile boolean begun;

    private volatile long cutAt;

    // Used only by the tier's thread.
    private final Set<String> missed = new HashSet<>();
    /** Up to when this machine was up to date before. */
    private long heardUntil;

    private long markedAt;
    /** Whether another process was writing what it could not tell when this one looked. */
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

    /** Begins to listen: for all barriers there are, since the tier still has the entries that they bar. */
    void listen() {
        tier.listen(0, this);
    }

    boolean isConnected() {
        return connected;
    }

    /** Whether answers in the store are no longer served, because this machine has not been connected for too long. */
    boolean isCutOff() {
        return maxUnconnectedNanos >= 0 && !connected && nanos.getAsLong() - cutAt >= maxUnconnectedNanos;
    }

    /**
     * Whether what the tier has may be used: until this machine has heard for the first time what was removed, it
     * would not know that an entry there is one of those. The tier has entries as long as they live, and only marks
     * what is removed for more than a key.
     */
    boolean knowsRemovals() {
        return begun && !untold.isTakenOver() && !isCutOff();
    }

    /**
     * Whether a key was removed here and the tier has not been told yet, so that it may still have an entry from
     * before. Barriers in memory know that, too, but not of so many keys.
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
            // A key needs no walk, and clients say how many of them there are: they are not gathered.
            removeHere(Set.of(name));
        } else if (micros > heardUntil) {
            missed.add(name);
            if (missed.size() >= MISSED_AT_A_TIME) {
                // Clients may say how many there are. So what is removed is what was named, and no more.
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
            LOG.info("The shared tier does not know what was removed while this machine was not connected. Its stored"
                    + " answers are dropped");
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
        // Keys are looked up; what an operator has removed before the tier's time was known has barred nothing here.
        begun = begun || !untold.unraised().hasMoreThanKeys();
        if (!connected) {
            connected = true;
            raiseAgain();
            keepMark(micros);
            return;
        }
        if (untold.unraised().isWaiting()) {
            // The tier was slow or refused them for a moment, and its connection has held.
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

    /** In one walk, whatever there is to remove; keys have no need of one. */
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
     * Whether a key that a client removes can be remembered as long as other machines cannot be told, whoever the
     * client is.
     */
    boolean hasRoomFor(CacheKey key) {
        return tier.isAvailable() || untold.unraised().hasRoomFor(scopeOf(key));
    }

    /** The same of what a client removes by the beginning of a key. */
    boolean hasRoomForDigest() {
        return tier.isAvailable() || untold.unraised().hasRoomForDigest();
    }

    private static String scopeOf(CacheKey key) {
        return key.scope().isEmpty() ? null : SharedBarriers.scope(key.scope());
    }

    /** Tells all machines that a key was removed, at once or as soon as that can be done, and waits for nobody. */
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

    /** The same for an operator, who waits until all machines that are connected have followed. */
    void raiseAndWait(String name) {
        if (SharedBarriers.name(SharedBarriers.bytes(name)) == null) {
            // No entry has such a tag, here or elsewhere.
            return;
        }
        try {
            warnOfUnheard(
                    tier.raise(SharedBarriers.bytes(name)).toCompletableFuture().get(WAIT_SECONDS, TimeUnit.SECONDS));
        } catch (ExecutionException | TimeoutException e) {
            barHere(name);
            untold.addAtOnce(name);
            LOG.warn("Other machines have not been told yet of what was removed: {}. They will be", brief(e));
        } catch (InterruptedException e) {
            barHere(name);
            untold.addAtOnce(name);
            Thread.currentThread().interrupt();
        }
    }

    /** Without the tier's notice: what is being fetched here goes as well, as far as it is known when it began. */
    private void barHere(String name) {
        barriers.raised(name, time.microsAtMost());
        if (calls != null) {
            calls.removed(null);
        }
        // What was stored before it was barred.
        removeHere(Set.of(name));
    }

    private static String brief(Exception e) {
        return e.getCause() == null
                ? "no answer in time"
                : String.valueOf(e.getCause().getMessage());
    }

    private static void warnOfUnheard(Raised raised) {
        if (raised.unheard() > 0) {
            LOG.warn("{} machines have not confirmed in time what was removed", raised.unheard());
        }
    }

    /** Notes what other machines have not been told. */
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
            // After it was kept once more, if it failed.
            var unused = raise(barrier).whenComplete((raised, failure) -> unraised.over(barrier));
        }
    }
}
