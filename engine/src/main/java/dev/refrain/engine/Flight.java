package dev.refrain.engine;

import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.LiveTemplate;
import dev.refrain.engine.internal.template.Template;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * One upstream call for one key, and everybody who waits for its answer (wire rules W28 and W29).
 *
 * <p>The request that made the call is its leader and receives what the upstream sends, byte for byte. Identical requests that come
 * while it runs are followers: of a stream they read the {@link LiveTemplate}, each at its own pace, as a hit would return it; a
 * document they get when it is whole. A flight is <em>joinable</em> from the start until it is known how it ends; then it has an
 * {@link Ending}, and nothing changes any more. docs/CONCURRENCY.md draws the states.
 *
 * <p>The upstream's thread drives it. Joining, leaving and ending hold this object's monitor, which guards the list of followers
 * and what is decided together with it, and under which no sink is called and no byte moves.
 */
final class Flight extends CaptureSink implements Upstream.Call {
    /** A provider's answer that is no success is kept for followers up to this size, in bytes. */
    private static final int MAX_FAILURE_BODY = 64 * 1024;

    /** How a flight ended. */
    sealed interface Ending {
        /** The answer is complete. Of a document, {@code template} is what followers get; of a stream they read all: null. */
        record Complete(Template template) implements Ending {}

        /**
         * There is no complete answer: followers that have not had a byte may try again.
         *
         * @param head head of the provider's answer if that was an error and not too long to be kept, else null
         * @param body its body, not to be moved in; null without a head
         * @param cause why there is no answer, or null if there is one that is no success
         */
        record Failed(ResponseHead head, ByteBuffer body, Throwable cause) implements Ending {}

        /** The leader needed no call after all: followers look again. */
        record Dissolved() implements Ending {}
    }

    private final Flights flights;
    private final CacheKey key;
    private final ResponseSink leader;
    private final Duration ttl;
    private final boolean cancelWhenAbandoned;
    private final long maxLag;

    // Guarded by this.
    private final List<Follower> followers = new ArrayList<>();
    private boolean joinable = true;
    private boolean leaderGone;
    private boolean superseded;
    /** What the call does next, while it waits for somebody to take what there is. */
    private Runnable paused;
    /** Whether the leader has been asked to say when it is drained. */
    private boolean leaderAsked;
    /** Bytes passed to the leader since it was last drained. */
    private long leaderLag;

    private volatile Ending ending;
    private volatile LiveTemplate live;
    private volatile ResponseHead head;
    private volatile Upstream.Call call;
    private volatile boolean cancelled;

    // The upstream's thread's alone.
    private AnswerCapture capture;
    private ByteArrayOutputStream failureBody;

    Flight(Flights flights, ResponseCache cache, CacheKey key, Duration ttl, ResponseSink leader) {
        super(cache, key, ttl, leader);
        this.flights = flights;
        this.key = key;
        this.ttl = ttl;
        this.leader = leader;
        this.cancelWhenAbandoned = cache.cancelsWhenAbandoned();
        this.maxLag = cache.maxAnswerBytes();
    }

    CacheKey key() {
        return key;
    }

    /** Makes the upstream call. */
    void start(Upstream upstream) {
        leader.whenGone(this::leaderGone);
        call = upstream.fetch(this);
        if (cancelled) {
            call.cancel();
        }
    }

    // ------------------------------------------------------------------------------------------------------------
    // membership

    /** Adds a follower, who hears of everything from now on. Returns false if the flight is not joinable any more. */
    boolean join(Follower follower) {
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

    /** Removes a follower whose reader has gone. */
    void leave(Follower follower) {
        boolean abandoned;
        synchronized (this) {
            followers.remove(follower);
            abandoned = leaderGone && followers.isEmpty();
        }
        cancelIf(abandoned);
    }

    private void leaderGone() {
        boolean abandoned;
        synchronized (this) {
            leaderGone = true;
            abandoned = followers.isEmpty();
        }
        cancelIf(abandoned);
        resume();
    }

    private void cancelIf(boolean abandoned) {
        if (abandoned && cancelWhenAbandoned && ending == null) {
            cancel();
        }
    }

    /** Breaks the upstream call off. */
    @Override
    public void cancel() {
        cancelled = true;
        closeToNewcomers();
        Upstream.Call running = call;
        if (running != null) {
            running.cancel();
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

    private void closeToNewcomers() {
        synchronized (this) {
            joinable = false;
        }
        flights.remove(this);
    }

    // -------------------------------------------------------------------------------------------- driven by the
    // upstream's thread

    @Override
    public void head(ResponseHead answer) {
        head = answer;
        if (answer.status() != 200) {
            failureBody = new ByteArrayOutputStream();
        }
        super.head(answer);
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        keepFailure(bytes);
        synchronized (this) {
            leaderLag += bytes.remaining();
        }
        super.chunk(bytes);
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
        for (Follower follower : members()) {
            if (stream.published() - follower.position() > maxLag) {
                follower.overrun();
            }
            follower.wake();
        }
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
        if (live == null) {
            finish(new Ending.Complete(whole));
        }
    }

    @Override
    void rejected() {
        closeToNewcomers();
    }

    @Override
    void ended(Throwable cause) {
        // A connection that breaks after the terminal event has delivered a complete answer all the same.
        if (live != null && capture.isTerminated() && capture.state() != AnswerCapture.State.REJECTED) {
            finish(new Ending.Complete(null));
        } else {
            boolean kept = cause == null && failureBody != null;
            finish(new Ending.Failed(
                    kept ? head : null, kept ? ByteBuffer.wrap(failureBody.toByteArray()) : null, cause));
        }
    }

    private void keepFailure(ByteBuffer bytes) {
        if (failureBody == null) {
            return;
        }
        if (failureBody.size() + bytes.remaining() > MAX_FAILURE_BODY) {
            failureBody = null;
            return;
        }
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        failureBody.writeBytes(copy);
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
     * Alone, the leader sets the pace. Others set none, and while there are any the leader does so only once it lags by a whole
     * answer, which bounds what its sink has to hold.
     */
    @Override
    public void whenDrained(Runnable action) {
        boolean ask;
        boolean goOn;
        synchronized (this) {
            paused = action;
            ask = !leaderAsked;
            leaderAsked = true;
            goOn = leaderGone || (!followers.isEmpty() && leaderLag <= maxLag);
        }
        if (ask) {
            leader.whenDrained(this::leaderDrained);
        }
        if (goOn) {
            resume();
        }
    }

    private void leaderDrained() {
        synchronized (this) {
            leaderAsked = false;
            leaderLag = 0;
        }
        resume();
    }

    private void resume() {
        Runnable action;
        synchronized (this) {
            action = paused;
            paused = null;
        }
        if (action != null) {
            action.run();
        }
    }

    // ------------------------------------------------------------------------------------------------------ what
    // followers see

    Ending ending() {
        return ending;
    }

    LiveTemplate live() {
        return live;
    }

    ResponseHead head() {
        return head;
    }

    Duration ttl() {
        return ttl;
    }
}
