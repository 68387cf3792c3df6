package dev.refrain.semantics.replay;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardingSink;
import dev.refrain.engine.exchange.Pace;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;

/**
 * Replays a stored stream event by event, at the pace that its request asks for (wire rule W87). Other answers, and
 * streams for which the budget has no room, are passed on as they arrive.
 *
 * <p>Between two events no thread waits, only a timer. Due times count from the start of the stream, so delays of the
 * timer do not add up. If the reader falls behind, the sink waits for it, and then sends at once all that is due.
 *
 * <p>Clients choose the pace, so a stream may take hours. Paced streams therefore have only a small share of the memory
 * budget, and when memory is short, the rest of each is sent at once.
 */
public final class PacedSink extends ForwardingSink {
    /** Runs actions later. The actions of one sink never overlap. */
    public interface Timer {
        /** Monotonic time in nanoseconds, from an arbitrary origin. */
        default long nanoTime() {
            return System.nanoTime();
        }

        /** Runs the action after this many nanoseconds. The returned action cancels it. */
        Runnable after(long nanos, Runnable action);
    }

    /** Longest wait in nanoseconds, after which the sink checks whether memory is short. */
    private static final long LONGEST_WAIT = TimeUnit.SECONDS.toNanos(1);

    private final ResponseCache cache;
    private final CacheKey key;
    private final Replay replay;
    private final Timer timer;
    private final MemoryBudget.Reservation held;

    /** Head of an answer that may be paced; null for any other. */
    private ResponseHead head;
    /** The stream, of which {@link #at} bytes have been passed on; null unless it is paced. */
    private byte[] stream;

    private int at;
    private int event;
    /** The pace at which the stream was fetched; null for a steady pace. */
    private Pace recorded;
    /** Nanoseconds between two events of a steady pace. */
    private double steady;

    private long start;
    /** When the next event is due, in nanoseconds since the start. */
    private double due;

    private volatile boolean gone;
    private volatile Runnable pending = () -> {};

    private PacedSink(ResponseCache cache, CacheKey key, Replay replay, Timer timer, ResponseSink client) {
        super(client);
        this.cache = cache;
        this.key = key;
        this.replay = replay;
        this.timer = timer;
        this.held = cache.admin().memory().openForPace();
    }

    /**
     * The sink through which an answer goes to a client.
     *
     * @return the client itself, unless the request asks for another pace than instant
     */
    public static ResponseSink of(Replay replay, ResponseCache cache, CacheKey key, Timer timer, ResponseSink client) {
        return replay.isInstant() || !key.streaming() ? client : new PacedSink(cache, key, replay, timer, client);
    }

    @Override
    public void head(ResponseHead answer) {
        if (CacheOutcome.isWhole(answer.cache())) {
            head = answer;
        } else {
            super.head(answer);
        }
    }

    @Override
    public void chunk(ByteBuffer bytes) {
        if (head != null && stream == null && bytes.remaining() == head.contentLength() && choose(bytes)) {
            stream = new byte[bytes.remaining()];
            bytes.get(stream);
            // Without a length: some clients show an answer of known length only when it is complete.
            super.head(new ResponseHead(
                    head.status(),
                    head.contentType(),
                    head.contentEncoding(),
                    -1,
                    head.generationId(),
                    head.cache(),
                    head.fields()));
            return;
        }
        release();
        super.chunk(bytes);
    }

    private void release() {
        if (head != null && stream == null) {
            super.head(head);
            head = null;
        }
    }

    /** Finds the pace and reserves memory for the stream. Returns whether both succeeded. */
    private boolean choose(ByteBuffer bytes) {
        int events = 0;
        for (int i = bytes.position(); i < bytes.limit(); events++) {
            i = endOfEvent(bytes, i, bytes.limit());
        }
        if (replay.kind() == Replay.Kind.RECORDED) {
            recorded = cache.pipeline().pace(key).orElse(null);
            if (recorded == null || recorded.events() != events) {
                return false;
            }
        } else {
            long tokens = tokens(head.cache());
            double each = (double) TimeUnit.SECONDS.toNanos(1) / replay.tokensPerSecond();
            steady = tokens > 0 ? each * tokens / events : each;
        }
        return held.grow(bytes.remaining());
    }

    private static long tokens(CacheOutcome outcome) {
        CacheOutcome.Hit hit = outcome instanceof CacheOutcome.SharedHit shared
                ? shared.entry()
                : outcome instanceof CacheOutcome.HitOnError rescue ? rescue.entry() : (CacheOutcome.Hit) outcome;
        return hit.savings().answer().completionTokens();
    }

    /** The position after the blank line that ends the event beginning at {@code from}; {@code to} if it has no end. */
    static int endOfEvent(ByteBuffer bytes, int from, int to) {
        int lineStart = from;
        for (int i = from; i < to; i++) {
            byte b = bytes.get(i);
            if (b == '\n' || b == '\r') {
                int next = b == '\r' && i + 1 < to && bytes.get(i + 1) == '\n' ? i + 2 : i + 1;
                if (i == lineStart && i > from) {
                    return next;
                }
                lineStart = next;
                i = next - 1;
            }
        }
        return to;
    }

    @Override
    public void end() {
        if (stream == null) {
            release();
            super.end();
            return;
        }
        start = timer.nanoTime();
        due = gap();
        client().whenGone(() -> {
            gone = true;
            pending.run();
            held.close();
        });
        goOn();
    }

    @Override
    public void fail(Throwable cause) {
        held.close();
        super.fail(cause);
    }

    private double gap() {
        return recorded != null ? recorded.nanosBefore(event) : event == 0 ? 0 : steady;
    }

    /** Passes on all events that are due, and sets the timer for the next. */
    private void goOn() {
        if (gone) {
            return;
        }
        ByteBuffer bytes = ByteBuffer.wrap(stream);
        long now = cache.admin().memory().isTight() ? Long.MAX_VALUE : timer.nanoTime() - start;
        int end = at;
        while (end < stream.length && due <= now) {
            end = endOfEvent(bytes, end, stream.length);
            event++;
            if (end < stream.length) {
                due += gap();
            }
        }
        if (end > at) {
            bytes.position(at).limit(end);
            at = end;
            client().chunk(bytes);
        }
        if (at == stream.length) {
            held.close();
            client().end();
        } else {
            client().whenDrained(this::await);
        }
    }

    private void await() {
        if (!gone) {
            long wait = (long) due - (timer.nanoTime() - start);
            pending = timer.after(Math.max(0, Math.min(wait, LONGEST_WAIT)), this::goOn);
        }
    }
}
