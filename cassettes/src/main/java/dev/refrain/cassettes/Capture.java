package dev.refrain.cassettes;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.usage.AnswerMeter;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Captures an answer on its way to the client, with the times of its pieces. If the client leaves, the capture goes on.
 * Used by one thread at a time; after the end, another thread may take the answer.
 */
final class Capture implements ResponseSink, AutoCloseable {
    static final String GENERATION_ID = "x-generation-id";

    /**
     * Header fields of an answer that clients act on. No others are recorded: they may name accounts or hold cookies.
     */
    private static final List<String> FIELDS =
            List.of("retry-after", "retry-after-ms", "x-should-retry", "request-id", "x-request-id", GENERATION_ID);

    /** Estimated heap that the end and the time of one piece take, in bytes. */
    private static final int PIECE = 64;

    /** Receives the result of a call, on the thread on which the call ended. */
    interface Listener {
        /** The answer is complete. The listener takes it from the capture, and closes the capture. */
        void complete(Capture capture);

        /**
         * The answer is not complete, or cannot be recorded.
         *
         * @param why the reason; null if the call failed, since then the client has the error already
         */
        void incomplete(String why);
    }

    private final Turn turn;
    private final boolean isHeldBack;
    private final Secrets secrets;
    private final MemoryBudget budget;
    private final MemoryBudget.Reservation memory;
    private final LongSupplier nanos;
    private final Listener listener;
    private final long begun;
    private final ByteArrayOutputStream body = new ByteArrayOutputStream();
    private final List<Integer> ends = new ArrayList<>();
    private final List<Long> millis = new ArrayList<>();
    private ResponseHead head;
    private long headNanos;
    /** Why the answer cannot be recorded; null as long as nothing prevents that. */
    private String flaw;

    /**
     * @param isHeldBack whether the listener sends the complete answer to the client; if not, the capture passes each
     *     piece on
     */
    Capture(
            Turn turn,
            boolean isHeldBack,
            Secrets secrets,
            MemoryBudget budget,
            LongSupplier nanos,
            Listener listener) {
        this.turn = turn;
        this.isHeldBack = isHeldBack;
        this.secrets = secrets;
        this.budget = budget;
        this.memory = budget.openForStoring();
        this.nanos = nanos;
        this.listener = listener;
        this.begun = nanos.getAsLong();
    }

    private boolean isLive() {
        return !isHeldBack && !turn.isCancelled();
    }

    @Override
    public void head(ResponseHead answer) {
        head = answer;
        headNanos = nanos.getAsLong();
        if (answer.contentEncoding() != null && !answer.contentEncoding().equalsIgnoreCase("identity")) {
            flaw = "the provider compressed its answer although it was asked not to";
        } else if (answer.status() < 200) {
            flaw = "its answer has the status " + answer.status();
        }
        if (isLive()) {
            turn.client().head(answer);
        }
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (flaw == null) {
            int length = bytes.remaining();
            if (body.size() + (long) length > RecordingFile.MOST_BYTES / 2) {
                flaw = "its answer is over " + RecordingFile.MOST_BYTES / 2 + " bytes";
            } else if (!memory.grow(3L * length + PIECE)) {
                flaw = "there was no memory for its answer; give the JVM a larger heap";
            } else {
                byte[] copy = new byte[length];
                bytes.duplicate().get(copy);
                body.write(copy, 0, length);
                long now = TimeUnit.NANOSECONDS.toMillis(nanos.getAsLong() - headNanos);
                int last = millis.size() - 1;
                if (last >= 0 && millis.get(last) == now) {
                    // Pieces that arrive within one millisecond are merged, since a recording has the times of events
                    // in milliseconds.
                    ends.set(last, body.size());
                    memory.shrink(PIECE);
                } else {
                    ends.add(body.size());
                    millis.add(now);
                }
            }
        }
        if (isLive()) {
            turn.client().chunk(bytes);
        }
    }

    @Override
    public void end() {
        if (isLive()) {
            turn.answered();
            turn.client().end();
        }
        finish(flaw);
    }

    @Override
    public void fail(Throwable cause) {
        if (!turn.isCancelled()) {
            turn.client().fail(cause);
        }
        memory.close();
        listener.incomplete(null);
    }

    private void finish(String why) {
        if (why == null) {
            listener.complete(this);
        } else {
            memory.close();
            listener.incomplete(why);
        }
    }

    /** Releases the reserved memory. Idempotent. */
    @Override
    public void close() {
        memory.close();
    }

    /** The whole answer, without credentials. Takes long, so do not call it on a thread that serves requests. */
    RecordedAnswer answer() {
        byte[] sent = body.toByteArray();
        byte[] masked = secrets.mask(sent);
        boolean isStream = head.contentType() != null
                && head.contentType().toLowerCase(Locale.ROOT).startsWith("text/event-stream");
        return new RecordedAnswer(
                head.status(),
                head.contentType(),
                fields(),
                Math.max(0, TimeUnit.NANOSECONDS.toMillis(headNanos - begun)),
                masked,
                isStream && masked.length > 0 ? EventText.split(masked, ends, millis) : List.of(),
                facts(sent));
    }

    private AnswerFacts facts(byte[] sent) {
        Endpoint endpoint = turn.request().endpoint();
        AnswerMeter meter = new AnswerMeter(endpoint, budget);
        meter.head(head);
        meter.chunk(ByteBuffer.wrap(sent));
        meter.end();
        return meter.facts();
    }

    private List<String> fields() {
        Map<String, List<String>> byName = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        byName.putAll(head.fields());
        List<String> lines = new ArrayList<>();
        for (String name : FIELDS) {
            for (String value : byName.getOrDefault(name, List.of())) {
                if (value.matches("[\\x20-\\x7E]{0,200}") && !secrets.isIn(value)) {
                    lines.add(name + ": " + value);
                }
            }
        }
        return lines;
    }

    @Override
    public void whenDrained(Runnable action) {
        if (isLive()) {
            turn.client().whenDrained(action);
        } else {
            action.run();
        }
    }

    @Override
    public boolean hasReader() {
        return !turn.isCancelled() && turn.client().hasReader();
    }
}
