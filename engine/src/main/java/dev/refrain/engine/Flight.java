package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.LiveTemplate;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One upstream call for one key, and everybody who waits for its answer (wire rules W28 and W29).
 *
 * <p>The request that made the call is its leader and receives what the upstream sends, byte for
 * byte. Identical requests that come while it runs are followers: of a stream they read the
 * {@link LiveTemplate}, each at its own pace, as a hit would return it; a document they get when
 * it is whole. A flight is <em>joinable</em> from the start until it is known how it ends; then
 * it has an {@link Ending}, and nothing changes any more. docs/CONCURRENCY.md draws the states.
 *
 * <p>The upstream's thread drives it. Joining, leaving and ending hold this object's monitor, which guards the list of
 * followers and what is decided together with it, and under which no sink is called and no byte moves.
 */
final class Flight extends CaptureSink {
    private static final Logger LOG = LoggerFactory.getLogger(Flight.class);

    /**
     * An answer that turns out to be no success is kept for followers up to
     * this size, in bytes; a client error up to a stored answer's.
     */
    private static final int MAX_KEPT = 64 * 1024;

    /** How a flight ended. */
    sealed interface Ending {
        /**
         * The answer is complete. Of a document, {@code template} is what
         * followers get; of a stream they read all: null.
         */
        record Complete(Template template) implements Ending {}

        /**
         * There is no complete answer: followers that have not had a byte may try again.
         *
         * @param head head of the provider's answer if that is whole, and not too long to be kept; else null
         * @param body its body, not to be moved in; null without a head
         * @param cause why there is no answer, or null if there is one that is no success
         */
        record Failed(ResponseHead head, ByteBuffer body, Throwable cause) implements Ending {
            /**
             * Whether another call would be answered the same way, so that this is the answer of all (wire rule W28b).
             */
            boolean isFinal() {
                return head != null && isClientError(head.status());
            }
        }

        /** The leader needed no call after all: followers look again. */
        record Dissolved() implements Ending {}

        /**
         * The answer is neither stored nor short enough to be kept for others: each follower makes a call of its own.
         */
        record Unshareable() implements Ending {}
    }

    private final Flights flights;
    private final CacheKey key;
    private final GuardedSink leader;
    private final boolean cancelWhenAbandoned;
    private final long maxLag;
    private final LongSupplier nanos;
    private final long silentCallNanos;
    /** When the upstream was last heard of, or told to go on. */
    private volatile long heardAt;

    private final MemoryBudget memory;

    // Guarded by this.
    private final List<Follower> followers = new ArrayList<>();
    private boolean joinable = true;
    private boolean leaderGone;
    private boolean superseded;
    /** What the call does next, while it waits for somebody to take what there is. */
    private Runnable paused;
    /** Whether the leader has been asked to say when it is drained, and has not said so. */
    private boolean leaderAsked;
    /** Bytes passed to the leader since it was last drained. */
    private long leaderLag;

    /** Null until the upstream has handed it out, which may be after the answer. */
    private Upstream.Call call;

    private boolean cancelled;

    private volatile Ending ending;
    private volatile LiveTemplate live;
    private volatile ResponseHead head;
    private volatile Savings savings = Savings.NONE;

    // The upstream's thread's alone, but for the failure of a call that was never made.
    private volatile boolean over;
    private AnswerCapture capture;
    /** What lies between the slowest follower and the end of a stream that is not kept from its beginning. */
    private final MemoryBudget.Reservation lag;
    /** The answer is not going to be an entry. */
    private boolean rejected;
    /** The answer as it came, until it is too long or followers have had some of it. */
    private KeptAnswer kept = new KeptAnswer(MAX_KEPT, memory());

    Flight(Flights flights, Answers answers, UpstreamCalls calls, MissedRequest request) {
        super(answers, request.key(), request.controls().ttl(), request.reason(), request.sink());
        this.flights = flights;
        this.key = request.key();
        this.leader = request.sink();
        this.cancelWhenAbandoned = calls.cancelWhenAbandoned();
        this.maxLag = answers.maxAnswerBytes();
        this.nanos = answers.ticker();
        this.silentCallNanos = calls.silentNanos();
        this.heardAt = nanos.getAsLong();
        this.memory = answers.memory();
        this.lag = memory.open();
    }

    CacheKey key() {
        return key;
    }

    /** Makes the upstream call. Whatever the upstream throws fails the flight, so that nobody waits for it. */
    @SuppressWarnings("CatchingUnchecked")
    void start(Upstream upstream) {
        leader.whenGone(this::leaderGone);
        synchronized (this) {
            if (cancelled) {
                return;
            }
        }
        Upstream.Call running;
        try {
            running = Objects.requireNonNull(upstream.fetch(this), "an upstream returned no call");
        } catch (Throwable e) {
            fail(e);
            return;
        }
        boolean tooLate;
        synchronized (this) {
            call = running;
            tooLate = cancelled;
        }
        if (tooLate) {
            stop(running);
        }
    }

    // ---- membership

    /** Adds a follower, who hears of everything from now on. Returns false if the flight is not joinable any more. */
    boolean join(Follower follower) {
        if (isDeserted()) {
            // The call goes on, and its answer may be stored.
            closeToNewcomers();
            return false;
        }
        synchronized (this) {
            if (!joinable) {
                return false;
            }
            followers.add(follower);
        }
        // The call may be waiting for the leader to take more; a slow leader does not delay others.
        resume();
        return true;
    }

    /**
     * Whether all who wanted the answer have left and the upstream has been silent for long, so that the call may be as
     * dead as it looks and whoever joined would wait as vainly as they did (wire rule W28b).
     */
    private boolean isDeserted() {
        if (nanos.getAsLong() - heardAt < silentCallNanos) {
            return false;
        }
        boolean leaderLeft;
        synchronized (this) {
            leaderLeft = leaderGone;
        }
        return (leaderLeft || !leader.hasReader()) && members().stream().noneMatch(Follower::hasReader);
    }

    /** Removes a follower who wants no more of this flight. */
    void leave(Follower follower) {
        synchronized (this) {
            followers.remove(follower);
        }
        cancelIfAbandoned();
        release();
    }

    /** The answer is held for those who read it, and gone with the last of them. */
    @Override
    void release() {
        synchronized (this) {
            if (!over || ending == null || !followers.isEmpty()) {
                return;
            }
            // Sinks may be held by their connections for long, and they hold this.
            capture = null;
            live = null;
            kept.drop();
            if (ending instanceof Ending.Complete) {
                ending = new Ending.Complete(null);
            }
        }
        memory().close();
        lag.close();
    }

    private void leaderGone() {
        synchronized (this) {
            leaderGone = true;
        }
        cancelIfAbandoned();
        resume();
    }

    /**
     * Breaks the call off if that is wanted and nobody is left; that nobody joins any more is decided in the same step.
     */
    private void cancelIfAbandoned() {
        Upstream.Call running;
        synchronized (this) {
            if (!cancelWhenAbandoned || !leaderGone || !followers.isEmpty() || ending != null || cancelled) {
                return;
            }
            joinable = false;
            cancelled = true;
            running = call;
        }
        flights.remove(this);
        // The upstream may say nothing more. If it does, nothing is captured of it.
        memory().close();
        lag.close();
        if (running != null) {
            stop(running);
        }
    }

    @SuppressWarnings("CatchingUnchecked")
    private static void stop(Upstream.Call running) {
        try {
            running.cancel();
        } catch (Throwable e) {
            LOG.warn("An upstream call could not be broken off", e);
        }
    }

    /** A newer flight has taken this one's place: what this one fetches is not stored over the newer answer. */
    void supersede() {
        synchronized (this) {
            superseded = true;
        }
        closeToNewcomers();
    }

    /** The answer has been found in the store after all. */
    void dissolve() {
        finish(new Ending.Dissolved());
    }

    /** From now on requests for the key make, or join, another flight. */
    void closeToNewcomers() {
        synchronized (this) {
            joinable = false;
        }
        flights.remove(this);
    }

    // ---- driven by the upstream's thread

    @Override
    public void head(ResponseHead answer) {
        if (over) {
            return;
        }
        heardAt = nanos.getAsLong();
        head = answer;
        kept = new KeptAnswer(isClientError(answer.status()) ? maxLag : MAX_KEPT, memory());
        super.head(answer);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (over) {
            return;
        }
        heardAt = nanos.getAsLong();
        keep(bytes);
        if (rejected) {
            endIfUnshareable();
        }
        synchronized (this) {
            leaderLag += bytes.remaining();
        }
        super.chunk(bytes);
    }

    @Override
    public void end() {
        if (!over) {
            over = true;
            super.end();
        }
    }

    @Override
    public void fail(Throwable cause) {
        if (!over) {
            over = true;
            // Before the leader hears of it: its retry must not meet this flight.
            closeToNewcomers();
            super.fail(cause);
        }
    }

    @Override
    void began(ResponseHead answer, AnswerCapture of) {
        capture = of;
        live = of.live();
    }

    @Override
    void progressed() {
        LiveTemplate stream = live;
        if (stream == null) {
            return;
        }
        long longest = 0;
        for (Follower follower : members()) {
            // While the beginning is kept for the store, a follower that is far behind costs nothing.
            long behind = stream.keepsBeginning() ? 0 : stream.published() - follower.position();
            if (behind > maxLag || (behind > longest && !lag.resize(behind))) {
                follower.overrun();
            } else {
                longest = Math.max(longest, behind);
            }
            follower.wake();
        }
        lag.resize(longest);
    }

    @Override
    boolean isFollowed() {
        return !members().isEmpty();
    }

    @Override
    synchronized boolean mayCommit() {
        return !superseded;
    }

    @Override
    void completed(Template whole) {
        savings = new Savings(whole.facts(), fetchMillis());
        if (live == null) {
            finish(new Ending.Complete(whole));
        }
    }

    @Override
    void rejected() {
        rejected = true;
        closeToNewcomers();
        if (!isFollowed()) {
            kept.drop();
        }
        if (!over) {
            endIfUnshareable();
        }
    }

    /**
     * Followers of a failure get it when it is whole, and a success that turns out to be none, an error with status
     * 200, is a failure; those of a stream have had some of it or may yet. But a document that is no entry for its
     * coding or its length may be long, and nothing in it says that the next one will be otherwise. A client error is
     * handed round, coded or not; only one that is longer than any answer that is stored is not held for anybody.
     */
    private void endIfUnshareable() {
        boolean tooLong = !kept.isWhole() || head.contentLength() > maxLag;
        boolean success = head.status() == 200;
        boolean coded = success && head.contentEncoding() != null;
        if (live == null && (success || isClientError(head.status())) && (tooLong || coded)) {
            finish(new Ending.Unshareable());
        }
    }

    /**
     * Whether a status says that the request is at fault, or its sender asks too much: not the call that was made for
     * it, which is what 408, 409 and 425 speak of (wire rule W28b).
     */
    private static boolean isClientError(int status) {
        return status / 100 == 4 && status != 408 && status != 409 && status != 425;
    }

    @Override
    void ended(Throwable cause) {
        if (ending != null) {
            // The last follower may be releasing what was kept, at this very moment.
            return;
        }
        // A connection that breaks after the terminal event has delivered a complete answer all the same.
        if (live != null
                && capture.isTerminated()
                && capture.state() != AnswerCapture.State.REJECTED
                && !hasLostTrack()) {
            finish(new Ending.Complete(null));
        } else if (cause == null && kept.isWhole() && !isPartlyRead()) {
            finish(new Ending.Failed(head, kept.bytes(), null));
        } else {
            finish(new Ending.Failed(null, null, cause));
        }
    }

    private void keep(ByteBuffer bytes) {
        if (isPartlyRead()) {
            kept.drop();
        } else {
            kept.keep(bytes);
        }
    }

    private boolean isPartlyRead() {
        LiveTemplate stream = live;
        return stream != null && stream.published() > 0;
    }

    private void finish(Ending how) {
        List<Follower> waiting;
        synchronized (this) {
            if (ending != null) {
                return;
            }
            joinable = false;
            ending = how;
            waiting = List.copyOf(followers);
        }
        // Before the followers hear of it: those who try again must not meet this flight, and newcomers find the entry.
        flights.remove(this);
        waiting.forEach(Follower::wake);
    }

    private synchronized List<Follower> members() {
        return followers.isEmpty() ? List.of() : List.copyOf(followers);
    }

    /**
     * Alone, the leader sets the pace. Others set none, and while there are any the leader does so only once it lags by
     * a whole answer, or memory is tight, which bounds what its sink has to hold.
     */
    @Override
    public void whenDrained(Runnable action) {
        boolean ask;
        synchronized (this) {
            paused = action;
            ask = !leaderAsked;
            leaderAsked = true;
        }
        if (ask) {
            leader.whenDrained(this::leaderDrained);
        }
        resume();
    }

    private void leaderDrained() {
        synchronized (this) {
            leaderAsked = false;
            leaderLag = 0;
        }
        resume();
    }

    /** Lets the call go on if it waits and need not. */
    @SuppressWarnings("CatchingUnchecked")
    private void resume() {
        Runnable action;
        Upstream.Call running;
        synchronized (this) {
            boolean goOn =
                    !leaderAsked || leaderGone || (!followers.isEmpty() && leaderLag <= maxLag && !memory.isTight());
            if (paused == null || !goOn) {
                return;
            }
            action = paused;
            paused = null;
            running = call;
        }
        heardAt = nanos.getAsLong();
        try {
            action.run();
        } catch (Throwable e) {
            // The upstream's own fault, and on a thread that may be anybody's.
            if (running != null) {
                stop(running);
            }
            fail(e);
        }
    }

    /**
     * A flight's readers are many, and some may yet come: it is broken off
     * through {@link Upstream.Call#cancel}, if at all.
     */
    @Override
    public void whenGone(Runnable action) {}

    // ---- what followers see

    /** What the answer cost, once it is complete. */
    Savings savings() {
        return savings;
    }

    Ending ending() {
        return ending;
    }

    LiveTemplate live() {
        return live;
    }

    ResponseHead head() {
        return head;
    }
}
