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
 * <p>Long, since a flight hooks into every step between capturing a piece and passing it on.
 */
class CaptureSink extends ForwardingSink {
    private static final Logger LOG = LoggerFactory.getLogger(CaptureSink.class);

    /** The value of {@link #committedLength} before the answer is complete. */
    private static final int NOTHING_YET = -1;
    /** The value of {@link #committedLength} for an answer that will not be stored. */
    private static final int DISCARDED = -2;

    private final Answers answers;
    private final CacheKey key;
    private final Duration ttl;
    private final ForwardReason reason;
    private final long startedAt;
    /** Goes into the ids of all hits and followers of this answer. */
    private final long tag = HitIds.newTag();

    private ResponseHead head;
    /** The capture; null before the head, after the end, and for an answer that will not be stored. */
    private AnswerCapture capture;

    /** Memory of the capture and, in a flight, of its followers. */
    private final MemoryBudget.Reservation memory;

    /** Records when the events of a stream arrive; null if they are not recorded. */
    private PaceRecorder pace;

    private int paceBytes;

    private long received;
    private boolean ended;
    private boolean captureFailed;
    /** True while the client waits for the head, see {@link #releaseHead}. */
    private boolean headWaits;

    /** Whether the captured answer is in the store. */
    private boolean stored;
    /** Whether the answer is complete, but is not stored because of its finish reason. */
    private boolean refused;

    /** When the fetch began, by the shared tier's clock; 0 without such a tier, or while its time is unknown. */
    private volatile long startedMicros;
    /**
     * The removal that came with this request, or a completed stage. The answer is sent to the tier only after the
     * removal, because an answer that is sent earlier counts as removed.
     */
    private volatile CompletionStage<?> removal = CompletableFuture.completedStage(null);

    private volatile boolean sharedUnavailable;
    /** The provider's id of the answer; null if a client could not refer to the answer by it. */
    private volatile String providerId;
    /** Whether the store has the note that maps the ids of this answer to the provider's id. */
    private volatile boolean noted;

    private Consumer<AnswerFacts> counted;
    /** Reads tokens and cost from an answer that is not captured; null while the answer may be captured. */
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

    /**
     * Notes the result of the lookup in the shared tier that came before the call: the tier's time, or that the tier
     * did not answer.
     */
    final void looked(SharedEntries.Looked looked) {
        startedMicros = Math.max(startedMicros, looked.startedMicros());
        sharedUnavailable = looked.unavailable();
    }

    /** Moves the start of the fetch to this time, in microseconds of the tier's clock, unless it is later already. */
    final void beganAt(long micros) {
        startedMicros = Math.max(startedMicros, micros);
    }

    /**
     * Sets the start of the fetch: of this flight's own call, or of another machine's call that the flight waits for.
     * In microseconds of the shared tier's clock.
     */
    final void fetchBegan(long micros) {
        startedMicros = micros;
    }

    /** Notes the removal that came before the call. Its time is reported to {@link #beganAt} later. */
    final void beginsAfter(CompletionStage<?> of) {
        removal = of;
    }

    /** Whether an answer that another machine has shared was removed, here or elsewhere. */
    final boolean isBarred(SharedAnswer shared) {
        return answers.shared().isBarred(key, shared);
    }

    /** Whether another machine has removed this key's answers since the call began. */
    final boolean isBarred() {
        SharedEntries shared = answers.shared();
        return shared != null && shared.isBarred(key, startedMicros);
    }

    /**
     * Called after the end of the answer. Sends the stored entry to the shared tier, including events that came after
     * the terminal one.
     */
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

    /** Starts the capture; null if the memory budget has no room even for the beginning. */
    private AnswerCapture captureWithinBudget() {
        try {
            return answers.newCapture(key, memory);
        } catch (MemoryBudget.Exhausted noRoom) {
            ranOutOfMemory();
            return null;
        }
    }

    /**
     * Passes on a head that was held back. A document's head waits for the first piece of the body, because no client
     * can use it earlier. If that piece is the whole body, the head can say that the answer is stored. Any other head
     * goes out before it is known whether the answer will be stored.
     */
    private void releaseHead() {
        if (headWaits) {
            headWaits = false;
            super.head(head.withCache(miss(stored)));
        }
    }

    /** The outcome as far as the head tells. An answer that may be stored counts as a stored miss. */
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
        return miss(fitsRequest(answer.contentType()));
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
     * Whether the content type fits the request. A document in place of a stream, or the reverse, cannot become an
     * entry. For any other type the content decides.
     */
    private boolean fitsRequest(String contentType) {
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
            // The upstream has ended the answer and reports no failure, so this sink must fail the requests that wait.
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

    /** Reports tokens, cost and other facts from the answer, whether it is stored or not. */
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

    /** The memory reserved for this answer. */
    final MemoryBudget.Reservation memory() {
        return memory;
    }

    /** Releases the reserved memory after the end. A flight keeps it while followers still read. */
    void release() {
        memory.close();
    }

    /**
     * The provider's id of the answer, if a client could refer to the answer by it; null before the answer is complete.
     */
    final String providerId() {
        return providerId;
    }

    // ---- hooks for a flight

    /** Called when an answer begins that may become an entry. Followers can read its events from the capture. */
    void began(ResponseHead answer, AnswerCapture live) {}

    /** Whether the answer has readers besides the client. */
    boolean isFollowed() {
        return false;
    }

    /** Called when more of the answer has been captured and passed on. */
    void progressed() {}

    /** Whether the capture has failed, so that it lacks some of the answer's events. */
    final boolean hasCaptureFailed() {
        return captureFailed;
    }

    /** Whether the answer may still be stored. */
    boolean mayCommit() {
        return !isBarred();
    }

    /** Called when the answer is complete and, unless storing failed, stored. Called again if a stream then goes on. */
    void completed(Template template) {}

    /** Called when it is known that the answer will not be stored. */
    void rejected() {}

    /**
     * Called once the client's sink was told that the answer has ended or failed.
     *
     * @param cause why the answer was cut; null if it has come to its end
     */
    void ended(Throwable cause) {}

    /** Called on any thread once the answer's entry has been sent to the shared tier, or will not be sent. */
    void settled() {}

    // ---- storing

    /** Passes bytes to the capture. Then commits or discards the answer, depending on the state of the capture. */
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
            failCapture();
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            // If the reservation is closed, nobody waits for the answer any more, and the capture stopped on purpose.
            if (!memory.isClosed()) {
                answers.faults().notCaptured(e);
            }
            failCapture();
        }
    }

    /** Records the pace. Without memory for that, the pace is dropped. */
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

    private void failCapture() {
        capture = null;
        captureFailed = true;
        rejected();
    }

    private void ranOutOfMemory() {
        // If the reservation is closed, nobody waits for the answer any more, and this is no shortage.
        if (!memory.isClosed()) {
            answers.faults().noRoom();
        }
    }

    /**
     * Stores the captured answer. If events follow the terminal one, stores it again, so that a replay has them, too.
     */
    private void commit() {
        Template template = capture.template();
        if (template.length() == committedLength) {
            return;
        }
        if (committedLength == NOTHING_YET) {
            // The note comes first, so that no hit gets an id whose provider id is unknown.
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

    /** Keeps a complete answer out of the store because of its finish reason. All waiting requests still get it. */
    private void refuse() {
        if (!refused) {
            LOG.debug("Not stored: {} (its finish reason)", key);
            refused = true;
            takeBack();
        }
    }

    /** Removes an entry that was stored before the cache knew that it must not be stored. */
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
                // Another flight superseded this one, or the answer was removed, while it was being stored. The put may
                // have overwritten a newer answer. No entry is better than an old one.
                answers.remove(key);
            }
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            answers.faults().notStored(e);
        }
    }

    /**
     * Stores the note that maps the ids of this answer to the provider's id. Followers get such ids even if the answer
     * is not stored.
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
     * Stores the note that maps the ids of this answer to the provider's id, for an answer of another machine whose
     * stream this flight follows.
     *
     * @param id the provider's id; null if it is not known
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

    /**
     * Shares the note, because a follower has received an id of this answer, or will. Another machine may be asked
     * about the id.
     */
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
