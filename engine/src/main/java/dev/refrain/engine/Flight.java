package dev.refrain.engine;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
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
import java.util.Map;
import java.util.Objects;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One upstream call for one key, and all requests that wait for its answer (wire rules W28 and W29).
 *
 * <p>The request that made the call is the leader: it receives what the upstream sends, byte for byte. Identical
 * requests that arrive while the call runs are followers, which get the answer as a hit would return it. They read a
 * stream from the {@link LiveTemplate}, each at its own pace, and get a document when it is whole. A flight is
 * <em>joinable</em> from its start until its {@link FlightEnding} is known, or until it is closed to newcomers. An
 * ending never changes to another one. docs/CONCURRENCY.md has a diagram of the states.
 *
 * <p>The upstream's thread drives a flight. Joining, leaving and ending hold this object's monitor, which guards the
 * list of followers and the state that depends on it. No sink is called and no byte is copied under the monitor.
 *
 * <p>Long, since joining, leaving, failing and ending change the same few fields under that one monitor.
 */
final class Flight extends CaptureSink {
    private static final Logger LOG = LoggerFactory.getLogger(Flight.class);

    /**
     * An unsuccessful answer is kept for followers up to this size, in bytes. A client error is kept up to the limit of
     * a stored answer.
     */
    private static final int MAX_KEPT = 64 * 1024;

    private final Flights flights;
    private final CacheKey key;
    private final GuardedSink leader;
    private final boolean cancelWhenAbandoned;
    private final long maxLag;
    private final LongSupplier nanos;
    private final long silentCallNanos;
    /** The tick at which the upstream last sent something, or was told to go on. */
    private volatile long heardAt;

    private final MemoryBudget memory;

    // Guarded by this.
    private final List<FlightMember> followers = new ArrayList<>();
    private boolean joinable = true;
    private boolean leaderGone;
    private boolean superseded;
    private final CallPace pace;

    /** The upstream's call; null until the upstream has returned it, which may be after the answer. */
    private Upstream.Call call;

    private boolean cancelled;

    /** The lease under which this machine calls; null if it has none. */
    private SharedLease lease;
    /** Whether the answer's entry has been sent to the shared tier, or never will be. */
    private boolean settled;

    /** The head of another machine's stream; null unless the flight follows one. */
    private volatile LivePieces.Head elsewhere;

    private volatile FlightEnding ending;
    private volatile LiveTemplate live;
    private volatile ResponseHead head;
    private volatile Savings savings = Savings.NONE;

    // Set by the upstream's thread, or by the thread that failed to make the call.
    private volatile boolean over;
    private AnswerCapture capture;
    /** Memory for the part of a stream that the slowest follower has not read, if the stream is too long to be kept. */
    private final MemoryBudget.Reservation lag;
    /** Whether the answer will not become an entry. */
    private boolean rejected;
    /**
     * The unchanged body of the answer. Dropped if it gets too long, or if followers can read the answer as a stream.
     */
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
        this.pace = new CallPace(maxLag);
        this.lag = memory.open();
    }

    CacheKey key() {
        return key;
    }

    /** Makes the upstream call. Whatever the upstream throws fails the flight, so that no request waits in vain. */
    @SuppressWarnings("CatchingUnchecked")
    void start(Upstream upstream) {
        heardAt = nanos.getAsLong();
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

    /** Adds a follower, which is notified from now on. Returns false if the flight is no longer joinable. */
    boolean join(FlightMember follower) {
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
        // The call may be waiting for the leader to take more. A slow leader must not delay followers.
        resume();
        return true;
    }

    /**
     * Whether all readers have left and the upstream has been silent for long. Then the call may be dead, and a request
     * that joined it would wait in vain (wire rule W28b).
     */
    boolean isDeserted() {
        if (nanos.getAsLong() - heardAt < silentCallNanos) {
            return false;
        }
        return isUnread();
    }

    /** Whether all readers have left, or seem to have. */
    private boolean isUnread() {
        boolean leaderLeft;
        synchronized (this) {
            leaderLeft = leaderGone;
        }
        return (leaderLeft || !leader.hasReader()) && members().stream().noneMatch(FlightMember::hasReader);
    }

    /**
     * Whether another machine's call should go on for the readers of this flight. If all readers seem to have left,
     * returns false and makes this flight unjoinable. The readers still get the answer if it comes, since they may have
     * closed only one direction of their connections.
     */
    boolean wantsOthersCall() {
        if (!isUnread()) {
            return true;
        }
        closeToNewcomers();
        return false;
    }

    /**
     * Called when this flight begins to wait for another machine's call. From then on the flight is notified when its
     * leader leaves.
     */
    void waitsElsewhere() {
        leader.whenGone(this::leaderGone);
    }

    /**
     * Ends the wait for another machine's call if all readers have left. Then the other machine is not asked to go on,
     * and this one makes no call. Returns whether the wait has ended.
     */
    boolean endIfAbandoned() {
        synchronized (this) {
            if (!leaderGone || !followers.isEmpty()) {
                return false;
            }
        }
        closeToNewcomers();
        over = true;
        leader.fail(new IllegalStateException("the client left while it waited for another machine's answer"));
        // Requests that have joined meanwhile look for the answer again.
        dissolve();
        settled();
        release();
        return true;
    }

    /** Removes a follower that reads no more of this flight. */
    void leave(FlightMember follower) {
        synchronized (this) {
            followers.remove(follower);
        }
        cancelIfAbandoned();
        release();
    }

    /** Releases the answer once it is over and its last reader has left. */
    @Override
    void release() {
        synchronized (this) {
            if (!over || ending == null || !followers.isEmpty()) {
                return;
            }
            // A connection may hold its sink for long, and the sink holds this flight. So the flight drops the bytes.
            capture = null;
            live = null;
            kept.drop();
            if (ending instanceof FlightEnding.Complete) {
                ending = new FlightEnding.Complete(null);
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
     * Cancels the call if that is configured and no reader is left. In the same step the flight stops being joinable.
     * If the flight follows another machine's stream, it stops reading even if cancelling is not configured.
     */
    void cancelIfAbandoned() {
        Upstream.Call running;
        synchronized (this) {
            boolean cancels = cancelWhenAbandoned || elsewhere != null;
            if (!cancels || !leaderGone || isKept() || ending != null || cancelled) {
                return;
            }
            joinable = false;
            cancelled = true;
            running = call;
        }
        flights.remove(this);
        // The upstream may send nothing more. If it does, nothing of it is captured.
        memory().close();
        lag.close();
        if (running != null) {
            stop(running);
        }
        settled();
        // A publisher to other machines may remain, although nobody there reads any more.
        for (FlightMember member : members()) {
            member.overrun();
            member.wake();
        }
    }

    /** Whether the call should go on even without its leader. Called with the monitor held. */
    private boolean isKept() {
        return !followers.isEmpty() && followers.stream().anyMatch(FlightMember::keepsCall);
    }

    @SuppressWarnings("CatchingUnchecked")
    private static void stop(Upstream.Call running) {
        try {
            running.cancel();
        } catch (Throwable e) {
            LOG.warn("An upstream call could not be cancelled", e);
        }
    }

    /**
     * Makes this flight unjoinable, and keeps its answer out of the store: a newer flight has replaced this one, or the
     * answer was removed.
     */
    void supersede() {
        synchronized (this) {
            superseded = true;
        }
        closeToNewcomers();
    }

    /** Ends the flight without an answer, because it makes no call. Its followers look for the answer again. */
    void dissolve() {
        finish(new FlightEnding.Dissolved());
    }

    /** Whether an answer that another machine has shared may be stored. */
    boolean mayCommit(SharedAnswer answer) {
        synchronized (this) {
            if (superseded) {
                return false;
            }
        }
        return !isBarred(answer);
    }

    /** Ends the flight with an answer that another machine has shared. The leader has received it already. */
    void answeredBy(SharedAnswer answer) {
        finish(new FlightEnding.Shared(answer));
    }

    /** Makes this flight unjoinable. Later requests for the key use another flight. */
    void closeToNewcomers() {
        SharedLease held;
        synchronized (this) {
            joinable = false;
            held = lease;
        }
        flights.remove(this);
        if (held != null) {
            held.unjoinable();
        }
    }

    // ---- with other machines

    /** Called when this machine has been granted the lease of the key for this call. */
    void holds(SharedLease granted) {
        boolean over;
        boolean closed;
        synchronized (this) {
            lease = granted;
            over = settled;
            closed = !joinable && ending == null;
        }
        if (over) {
            granted.settled();
        } else if (closed) {
            granted.unjoinable();
        }
    }

    @Override
    void settled() {
        SharedLease held;
        synchronized (this) {
            settled = true;
            held = lease;
        }
        if (held != null) {
            held.settled();
        }
    }

    /**
     * Follows another machine's stream in place of a call.
     *
     * @param reading cancelling it ends the reading
     * @param first the leader, which follows like all others
     */
    void followElsewhere(LivePieces.Head of, LiveTemplate stream, Upstream.Call reading, Follower first) {
        heardAt = nanos.getAsLong();
        head = new ResponseHead(200, of.contentType(), null, -1, of.sourceId(), null, Map.of());
        synchronized (this) {
            elsewhere = of;
            call = reading;
            followers.add(first);
            leaderGone = true;
        }
        live = stream;
    }

    /** Called when more of the other machine's stream has come. */
    void progressedElsewhere() {
        heardAt = nanos.getAsLong();
        progressed();
    }

    /** Called when the stream from the other machine has ended. */
    void endedElsewhere(LivePieces.End last) {
        savings = last.savings();
        over = true;
        finish(
                last.whole()
                        ? new FlightEnding.Complete(null)
                        : new FlightEnding.Failed(
                                null, null, new IllegalStateException("the upstream's stream was cut")));
        release();
    }

    /** Called when the stream from the other machine has broken off. */
    void brokenElsewhere(Throwable cause) {
        over = true;
        finish(new FlightEnding.Failed(null, null, cause));
        release();
    }

    /** The outcome in a follower's head. */
    CacheOutcome.Collapsed collapsed(ForwardReason reason) {
        LivePieces.Head of = elsewhere;
        long ttlSeconds = (of == null ? ttl() : of.ttl()).toSeconds();
        return new CacheOutcome.Collapsed(ttlSeconds, head.generationId(), reason, this::savings, of != null);
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
            pace.passed(bytes.remaining());
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
            // Before the leader is notified, so that its retry does not join this flight.
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
        for (FlightMember follower : members()) {
            // While the beginning is kept for the store anyway, a slow follower costs no memory.
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
    boolean mayCommit() {
        synchronized (this) {
            if (superseded) {
                return false;
            }
        }
        return super.mayCommit();
    }

    @Override
    void completed(Template whole) {
        savings = new Savings(whole.facts(), fetchMillis());
        if (live == null) {
            finish(new FlightEnding.Complete(whole));
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
     * Ends the flight at once, so that each follower makes a call of its own, if the answer is a document with status
     * 200 that is encoded or too long, or a client error that is too long. Such an answer may take much memory, and
     * another call would get the same. Followers of a stream read it as it comes. Followers of any other failure get it
     * when it is whole; a short error with status 200 is such a failure, too. A client error is too long if it is
     * longer than the longest stored answer.
     */
    private void endIfUnshareable() {
        boolean tooLong = !kept.isWhole() || head.contentLength() > maxLag;
        boolean success = head.status() == 200;
        boolean coded = success && head.contentEncoding() != null;
        if (live == null && (success || isClientError(head.status())) && (tooLong || coded)) {
            finish(new FlightEnding.Unshareable());
        }
    }

    /**
     * Whether a status blames the request or its sender. 408, 409 and 425 are excluded, because they blame this one
     * call (wire rule W28b).
     */
    static boolean isClientError(int status) {
        return status / 100 == 4 && status != 408 && status != 409 && status != 425;
    }

    @Override
    void ended(Throwable cause) {
        if (ending != null) {
            // The last follower may be releasing the kept answer right now.
            return;
        }
        // If a connection breaks after the terminal event, the answer is complete all the same.
        if (live != null
                && capture.isTerminated()
                && capture.state() != AnswerCapture.State.REJECTED
                && !hasCaptureFailed()) {
            finish(new FlightEnding.Complete(null));
        } else if (cause == null && kept.isWhole() && !isPartlyRead()) {
            finish(new FlightEnding.Failed(head, kept.bytes(), null));
        } else {
            finish(new FlightEnding.Failed(null, null, cause));
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

    private void finish(FlightEnding how) {
        List<FlightMember> waiting;
        synchronized (this) {
            if (ending != null) {
                return;
            }
            joinable = false;
            ending = how;
            waiting = List.copyOf(followers);
        }
        // Before followers are notified: those that try again must not join this flight. Later requests find the entry.
        flights.remove(this);
        waiting.forEach(FlightMember::wake);
    }

    private synchronized List<FlightMember> members() {
        return followers.isEmpty() ? List.of() : List.copyOf(followers);
    }

    @Override
    public void whenDrained(Runnable action) {
        boolean ask;
        synchronized (this) {
            ask = pace.pause(action);
        }
        if (ask) {
            leader.whenDrained(this::leaderDrained);
        }
        resume();
    }

    private void leaderDrained() {
        synchronized (this) {
            pace.leaderDrained();
        }
        resume();
    }

    /** Opens a memory reservation for a member that passes the answer on to other machines. */
    MemoryBudget.Reservation openReservation() {
        return memory.open();
    }

    /** Resumes the call if nothing makes it wait any more. */
    @SuppressWarnings("CatchingUnchecked")
    void resume() {
        Runnable action;
        Upstream.Call running;
        synchronized (this) {
            if (!pace.isPaused() || !(leaderGone || pace.mayGoOn(!memory.isTight() && isKept()))) {
                return;
            }
            action = pace.resume();
            running = call;
        }
        heardAt = nanos.getAsLong();
        try {
            action.run();
        } catch (Throwable e) {
            // The upstream threw. This thread may belong to any reader, so the failure goes to the flight.
            if (running != null) {
                stop(running);
            }
            fail(e);
        }
    }

    /**
     * Does nothing, since a flight has many readers, and more may come. Its call is cancelled through
     * {@link Upstream.Call#cancel} alone.
     */
    @Override
    public void whenGone(Runnable action) {}

    // ---- what followers see

    /** What the answer cost, once it is complete. */
    Savings savings() {
        return savings;
    }

    FlightEnding ending() {
        return ending;
    }

    LiveTemplate live() {
        return live;
    }

    ResponseHead head() {
        return head;
    }

    /** Whether an id is the generation id of the upstream's answer, which the answer's entry has as source id. */
    boolean isSource(String id) {
        ResponseHead answer = head;
        return answer != null && Objects.equals(id, answer.generationId());
    }

    /** Whether the leader or a follower has received this generation id. */
    boolean hasGiven(String id) {
        // No reader has an id before there is a head.
        return head != null && (isSource(id) || members().stream().anyMatch(member -> member.hasId(id)));
    }
}
