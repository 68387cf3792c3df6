package dev.refrain.engine;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.internal.ids.HitIds;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.AnswerCapture.State;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.usage.AnswerMeter;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A tee: passes an answer on as it arrives and stores it once it is known to be complete. Only a terminal event, or the
 * end of a body that parses, commits; anything else discards (wire rule W16).
 *
 * <p>The answer is stored <em>before</em> the client gets the piece that completes it, so a client that repeats its
 * request at once gets a hit. A failure to capture or store ends the capture, never the answer.
 *
 * <p>Long, since a flight has to hear of each step, between the capture of a piece and its passing on.
 */
class CaptureSink extends ForwardingSink {
    private static final Logger LOG = LoggerFactory.getLogger(CaptureSink.class);

    /** Values of {@link #committedLength} that are no length. */
    private static final int NOTHING_YET = -1;

    private static final int DISCARDED = -2;

    private final Answers answers;
    private final CacheKey key;
    private final Duration ttl;
    private final ForwardReason reason;
    private final long startedAt;
    /** Goes into the ids of all hits and followers of this answer. */
    private final long tag = HitIds.newTag();

    private ResponseHead head;
    /** Null when there is nothing to capture, or nothing any more. */
    private AnswerCapture capture;

    /** Memory of the capture and, in a flight, of its followers. */
    private final MemoryBudget.Reservation memory;

    /** Null unless it is noted when the events of a stream come. */
    private PaceRecorder pace;

    private int paceBytes;

    private long received;
    private boolean ended;
    private boolean lostTrack;
    /** The client has not been given the head yet. */
    private boolean headWaits;

    /** Whether what is captured has been put into the store. */
    private boolean stored;
    /** Whether the answer is complete and not stored for its finish reason. */
    private boolean refused;

    /** When the fetch began, by the shared tier's clock; 0 if there is no such tier, or nobody knows. */
    private volatile long startedMicros;
    /** The removal that the fetch began with, if it did: the answer is sent after it, or it would count as removed. */
    private volatile CompletionStage<?> removal = CompletableFuture.completedStage(null);

    private volatile boolean sharedUnavailable;
    /** Null unless the answer has one that could be given back. */
    private volatile String providerId;
    /** Whether it is stored which id of the provider the ids of this answer stand for. */
    private volatile boolean noted;

    private Consumer<AnswerFacts> counted;
    /** Counts an answer that is not captured; null while it may be captured. */
    private AnswerMeter meter;

    private int committedLength = NOTHING_YET;

    CaptureSink(Answers answers, CacheKey key, Duration ttl, ForwardReason reason, ResponseSink client) {
        super(client);
        this.answers = answers;
        this.key = key;
        this.ttl = ttl;
        this.reason = reason;
        this.startedAt = answers.ticker().getAsLong();
        this.memory = answers.memory().openForStoring();
        SharedEntries shared = answers.shared();
        this.startedMicros = shared == null ? 0 : shared.nowMicros();
    }

    /** The shared tier has been asked before the call, and said what time it is, or did not answer. */
    final void looked(SharedEntries.Looked looked) {
        startedMicros = Math.max(startedMicros, looked.startedMicros());
        sharedUnavailable = looked.unavailable();
    }

    /** The call counts as one that began at that time of the shared tier, or later. */
    final void beganAt(long micros) {
        startedMicros = Math.max(startedMicros, micros);
    }

    /** The call, or that of another machine which is waited for, began then, by the shared tier's clock. */
    final void fetchBegan(long micros) {
        startedMicros = micros;
    }

    /** The call begins with a removal, which says when that was by {@link #beganAt}. */
    final void beginsAfter(CompletionStage<?> of) {
        removal = of;
    }

    /** Whether what another machine has shared was removed, here or elsewhere. */
    final boolean isBarred(SharedAnswer shared) {
        return answers.shared().isBarred(key, shared);
    }

    /** Whether the answer was removed, elsewhere, after the call had begun. */
    final boolean isBarred() {
        SharedEntries shared = answers.shared();
        return shared != null && shared.isBarred(key, startedMicros);
    }

    /** The answer is over. What the store has of it now, with all events that followed, goes to the shared tier. */
    private void share() {
        SharedEntries shared = answers.shared();
        if (stored && shared != null && mayCommit()) {
            String id = providerId;
            var unused = removal.whenComplete(
                    (micros, failure) -> shared.send(key, tag, () -> startedMicros, id, this::settled));
        } else {
            settled();
        }
    }

    @Override
    public void head(ResponseHead answer) {
        head = answer;
        CacheOutcome outcome = outcome(answer);
        if (outcome instanceof CacheOutcome.Miss miss && miss.stored()) {
            capture = captureWithinBudget();
            outcome = capture == null ? miss(false) : outcome;
        }
        if (capture != null) {
            if (key.streaming() && answers.paces().isRecorded()) {
                pace = new PaceRecorder(answers.ticker().getAsLong());
            }
            began(answer, capture);
            headWaits = !key.streaming() && answer.contentLength() > 0;
            if (!headWaits) {
                super.head(answer.withCache(miss(false)));
            }
        } else {
            meter = new AnswerMeter(key.endpoint(), memory);
            meter.head(answer);
            answers.counters().rejections.increment();
            rejected();
            super.head(answer.withCache(outcome));
        }
    }

    /** Null if the memory budget has no room even for the beginning. */
    private AnswerCapture captureWithinBudget() {
        try {
            return answers.newCapture(key, memory);
        } catch (MemoryBudget.Exhausted noRoom) {
            ranOutOfMemory();
            return null;
        }
    }

    /**
     * A document's head goes out with the first piece of its body, because it is of no use before. If that piece is the
     * whole body, the head can say whether the answer is stored. Any other head goes out before this is known, and does
     * not say it.
     */
    private void releaseHead() {
        if (headWaits) {
            headWaits = false;
            super.head(head.withCache(miss(stored)));
        }
    }

    /** The outcome by the head alone: for an answer that may be stored, a miss that is stored. */
    private CacheOutcome outcome(ResponseHead answer) {
        if (answer.status() != 200) {
            return miss(false);
        }
        if (answer.contentEncoding() != null && !answer.contentEncoding().equalsIgnoreCase("identity")) {
            return new CacheOutcome.Bypass(BypassReason.ANSWER_ENCODED);
        }
        if (answer.contentLength() > answers.maxAnswerBytes()) {
            return new CacheOutcome.Bypass(BypassReason.ANSWER_TOO_LARGE);
        }
        return miss(isOfTheRightKind(answer.contentType()));
    }

    private CacheOutcome.Miss miss(boolean stored) {
        return new CacheOutcome.Miss(ttl.toSeconds(), stored, reason, sharedUnavailable);
    }

    /** How long the call has been under way, in milliseconds of monotonic time. */
    final long fetchMillis() {
        return TimeUnit.NANOSECONDS.toMillis(answers.ticker().getAsLong() - startedAt);
    }

    final Duration ttl() {
        return ttl;
    }

    final long tag() {
        return tag;
    }

    final HitIds ids() {
        return answers.ids().hits();
    }

    /**
     * A document in place of a stream, or the reverse, cannot become an entry. For any other type the content decides.
     */
    private boolean isOfTheRightKind(String contentType) {
        String type = contentType == null ? "" : contentType.toLowerCase(Locale.ROOT);
        return key.streaming() ? !type.contains("json") : !type.startsWith("text/event-stream");
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (capture != null) {
            received += bytes.remaining();
            advance(bytes, !key.streaming() && received == head.contentLength());
        } else if (meter != null) {
            meter.chunk(bytes);
        }
        releaseHead();
        super.chunk(bytes);
        progressed();
    }

    @Override
    public void cost(AnswerFacts facts) {
        if (capture != null) {
            capture.tell(facts);
        }
    }

    @Override
    public void end() {
        try {
            advance(null, true);
            count();
            releaseHead();
            super.end();
            ended(null);
        } catch (RuntimeException | Error e) {
            // To the upstream the answer has ended: nobody but this sink can tell those who wait.
            super.fail(e);
            ended(e);
            throw e;
        } finally {
            capture = null;
            shareAndRelease();
        }
    }

    @Override
    public void fail(Throwable cause) {
        if (capture != null && committedLength == NOTHING_YET) {
            answers.counters().rejections.increment();
        }
        try {
            count();
        } finally {
            capture = null;
            try {
                super.fail(cause);
                ended(cause);
            } finally {
                shareAndRelease();
            }
        }
    }

    private void shareAndRelease() {
        try {
            share();
        } finally {
            release();
        }
    }

    @Override
    public boolean whenCounted(Consumer<AnswerFacts> action) {
        counted = action;
        return true;
    }

    /** Reports what the answer said of itself, whether it is stored or not. */
    private void count() {
        if (counted == null) {
            return;
        }
        AnswerFacts facts = AnswerFacts.NONE;
        if (meter != null) {
            meter.end();
            facts = meter.facts();
        } else if (capture != null) {
            facts = capture.facts();
        }
        counted.accept(facts);
    }

    /** What is reserved for this answer. */
    final MemoryBudget.Reservation memory() {
        return memory;
    }

    /** Nothing is captured any more: gives back what was reserved, unless others still read it. */
    void release() {
        memory.close();
    }

    /** The answer's own id, if it has one that could be given back; null before it is complete. */
    final String providerId() {
        return providerId;
    }

    // ---- hooks for a flight

    /** The answer may become an entry: its events can be followed. */
    void began(ResponseHead answer, AnswerCapture live) {}

    /** Whether anybody but the client reads the answer's events. */
    boolean isFollowed() {
        return false;
    }

    /** More of the answer has been captured and passed on. */
    void progressed() {}

    /** Whether the capture broke, so that the answer's events are not all known. */
    final boolean hasLostTrack() {
        return lostTrack;
    }

    /** Whether the answer may still be stored. */
    boolean mayCommit() {
        return !isBarred();
    }

    /** The answer is complete and, unless that failed, stored. May be called again when a stream goes on. */
    void completed(Template template) {}

    /** The answer turned out not to be one that is stored. */
    void rejected() {}

    /**
     * All of the answer has been passed on.
     *
     * @param cause why it was cut, or null if it ended by itself
     */
    void ended(Throwable cause) {}

    /** The answer's entry has been sent to the shared tier, or never will be. Called on any thread. */
    void settled() {}

    // ---- storing

    /** Feeds the capture and commits or discards as its state demands. */
    @SuppressWarnings("CatchingUnchecked") // a fault in the cache must not become a fault of the answer
    private void advance(ByteBuffer bytes, boolean last) {
        if (capture == null || ended) {
            return;
        }
        try {
            State state = bytes == null ? State.OPEN : capture.append(bytes);
            notePace();
            if (last) {
                ended = true;
                state = capture.end(head.contentLength() != ResponseHead.ENDS_WITH_CONNECTION);
            }
            if (state == State.COMPLETE) {
                commit();
            } else if (state != State.OPEN) {
                discard();
            }
        } catch (MemoryBudget.Exhausted noRoom) {
            ranOutOfMemory();
            loseTrack();
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            // If memory is closed, nobody waits for the answer any more, and the capture stopped on purpose.
            if (!memory.isClosed()) {
                answers.faults().notCaptured(e);
            }
            loseTrack();
        }
    }

    /** What there is no memory for is not noted. */
    private void notePace() {
        if (pace != null) {
            pace.passed(capture.events(), answers.ticker().getAsLong());
            int more = pace.heldBytes() - paceBytes;
            if (more > 0 && !memory.grow(more)) {
                pace = null;
            }
            paceBytes += Math.max(0, more);
        }
    }

    private void loseTrack() {
        capture = null;
        lostTrack = true;
        rejected();
    }

    private void ranOutOfMemory() {
        // If memory is closed, nobody waits for the answer any more, and this is no shortage.
        if (!memory.isClosed()) {
            answers.faults().noRoom();
        }
    }

    /** Stores what there is; again if events followed the terminal one, so that a replay has them too. */
    private void commit() {
        Template template = capture.template();
        if (template.length() == committedLength) {
            return;
        }
        if (committedLength == NOTHING_YET) {
            // First, so that no hit gets an id whose provider id is unknown.
            note(template.facts().tokensOrNone());
        }
        committedLength = template.length();
        if (!answers.mayStore(capture)) {
            refuse();
        } else if (mayCommit()) {
            put(template);
        }
        completed(template);
    }

    /** A complete answer that is not stored because of its finish reason. All who wait for it get it. */
    private void refuse() {
        if (!refused) {
            LOG.debug("Not stored: {} (its finish reason)", key);
            refused = true;
            takeBack();
        }
    }

    /** Removes what was stored too early. */
    private void takeBack() {
        answers.counters().rejections.increment();
        if (stored && mayCommit()) {
            answers.remove(key);
        }
        stored = false;
    }

    @SuppressWarnings("CatchingUnchecked") // others may be reading the answer, whatever the store does
    private void put(Template template) {
        try {
            long now = answers.nowMillis();
            EntryCodec.Facts facts = new EntryCodec.Facts(
                    head.contentType(), head.generationId(), now, now + ttl.toMillis(), fetchMillis(), tag);
            stored = answers.put(key, template, facts);
            if (stored && pace != null) {
                answers.paces().put(key, pace.gaps(), facts, template.facts().tokensOrNone());
            }
            if (!mayCommit()) {
                stored = false;
                // Another flight superseded this one while it stored its answer, which may have overwritten the newer
                // one. No answer is better than the older one.
                answers.remove(key);
            }
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            answers.faults().notStored(e);
        }
    }

    /**
     * Stores which id of the provider the ids of this answer stand for. Followers have such ids even if the answer is
     * not stored.
     */
    @SuppressWarnings("CatchingUnchecked") // as in put
    private void note(long tokens) {
        try {
            long expiresAt = answers.nowMillis() + ttl.toMillis();
            providerId = capture.providerId();
            answers.ids().note(key, tag, providerId, expiresAt, tokens, fetchMillis());
            noted = true;
            if (isFollowed()) {
                idGiven();
            }
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            answers.faults().idNotStored(e);
        }
    }

    /**
     * The same for the answer of another machine, whose stream is followed here.
     *
     * @param id null if it is not known
     */
    @SuppressWarnings("CatchingUnchecked") // as in put
    final void noteElsewhere(String id) {
        if (id == null || id.equals(providerId)) {
            return;
        }
        providerId = id;
        try {
            long expiresAt = answers.nowMillis() + ttl.toMillis();
            answers.ids().note(key, tag, id, expiresAt, 0, fetchMillis());
            noted = true;
            idGiven();
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            answers.faults().idNotStored(e);
        }
    }

    /** Somebody who follows has got an id of this answer, or will. Other machines may be shown it. */
    final void idGiven() {
        SharedEntries shared = answers.shared();
        if (shared != null && noted) {
            shared.ids().given(key, tag);
        }
    }

    private void discard() {
        if (committedLength == NOTHING_YET && isFollowed()) {
            note(0);
        }
        if (committedLength != DISCARDED) {
            LOG.debug("Not stored: {} ({})", key, capture.rejection());
            if (capture.isOutOfRoom()) {
                ranOutOfMemory();
            }
            takeBack();
            committedLength = DISCARDED;
            rejected();
        }
    }
}
