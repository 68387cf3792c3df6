package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.internal.ids.IdRandom;
import dev.refrain.engine.internal.template.LiveReader;
import dev.refrain.engine.internal.template.LiveTemplate;
import dev.refrain.engine.spi.EntryBuffer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A request that waits for the answer of another request's upstream call, and receives it as a hit would return it.
 *
 * <p>The flight calls {@link #wake} when there is more to read or when it has ended, and the sink calls it when it is
 * drained. One of the callers does the work; the others only increment {@link #news} and return. So no thread waits,
 * and one thread at a time calls the sink.
 */
final class Follower implements FlightMember {
    private static final Logger LOG = LoggerFactory.getLogger(Follower.class);

    /** Called when the flight ends without an answer before the follower has passed anything on. */
    interface Retry {
        /** Starts the request over. The follower is done. */
        void startOver(FlightEnding why);
    }

    private final Flight flight;
    private final MissedRequest request;
    private final GuardedSink sink;
    private final Pool<EntryBuffer> buffers;
    private final Retry retry;
    private final byte[] id = new byte[IdFormat.LENGTH];
    private final byte[] time = new byte[IdFormat.SECONDS_DIGITS];
    /** Calls of {@link #wake} that have not been handled. Begins at one, for the work that {@link #start} does. */
    private final AtomicInteger news = new AtomicInteger(1);

    private volatile boolean gone;
    private volatile boolean overrun;
    private volatile boolean sinkTakesMore = true;
    private volatile LiveReader reader;

    // Used only by the thread that does the work.
    private boolean started;
    private boolean done;

    Follower(Flight flight, MissedRequest request, Pool<EntryBuffer> buffers, long nowMillis, Retry retry) {
        this.flight = flight;
        this.request = request;
        this.sink = request.sink();
        this.buffers = buffers;
        this.retry = retry;
        flight.ids().write(nowMillis / 1000, flight.tag(), IdRandom.shared(), id);
        IdFormat.writeSeconds(nowMillis / 1000, time, 0);
    }

    /**
     * Starts to deliver, after the follower has joined. Calls of {@link #wake} from before are handled only here, after
     * the listener is set. They may lead to a retry, which sets its own listener at the sink, and the listener that is
     * set here must not replace that one.
     */
    void start() {
        sink.whenGone(() -> {
            gone = true;
            flight.leave(this);
            wake();
        });
        workOff();
    }

    @Override
    public long position() {
        LiveReader current = reader;
        return current == null ? 0 : current.position();
    }

    @Override
    public boolean hasReader() {
        return !gone && sink.hasReader();
    }

    @Override
    public boolean keepsCall() {
        return true;
    }

    @Override
    public boolean hasId(String other) {
        return other.equals(new String(id, StandardCharsets.ISO_8859_1));
    }

    @Override
    public void overrun() {
        overrun = true;
    }

    @Override
    public void wake() {
        if (news.getAndIncrement() == 0) {
            workOff();
        }
    }

    private void workOff() {
        int noted = 1;
        do {
            work();
            noted = news.addAndGet(-noted);
        } while (noted != 0);
    }

    @SuppressWarnings("CatchingUnchecked") // no failure here may keep the flight from serving its other followers
    private void work() {
        try {
            while (!done && step()) {}
        } catch (Throwable e) {
            LOG.warn("A request that had joined another one's call failed", e);
            done = true;
            sink.fail(e);
            flight.leave(this);
        }
        if (done) {
            // A reference to this follower must not keep the stream alive.
            reader = null;
            flight.leave(this);
        }
    }

    /** Does the next step. Returns whether to go on. */
    private boolean step() {
        if (gone) {
            done = true;
        } else if (overrun) {
            done = true;
            sink.fail(new IllegalStateException(
                    "the reader lags behind the stream by more than the stored-answer limit"));
            flight.leave(this);
        } else if (sinkTakesMore) {
            // The ending is read before the stream, so that all that was published before the ending comes first.
            FlightEnding ending = flight.ending();
            return passOn() || finish(ending);
        }
        return false;
    }

    /** Passes on the next piece of a stream. Returns false if there is none now. */
    private boolean passOn() {
        if (reader == null) {
            LiveTemplate live = flight.live();
            if (live == null) {
                return false;
            }
            reader = live.reader();
        }
        if (reader == null) {
            // This follower joined in time, but the beginning of the stream is no longer kept.
            done = true;
            flight.leave(this);
            // The flight may still be joinable, and a retry must not join it again.
            flight.closeToNewcomers();
            retry.startOver(new FlightEnding.Dissolved());
            return true;
        }
        EntryBuffer piece = buffers.take();
        try {
            if (!reader.read(piece, id, time)) {
                return false;
            }
            begin(-1);
            sinkTakesMore = false;
            sink.chunk(ByteBuffer.wrap(piece.bytes(), 0, piece.length()));
        } finally {
            buffers.give(piece);
        }
        sink.whenDrained(() -> {
            sinkTakesMore = true;
            wake();
        });
        return true;
    }

    /** Passes on how the flight ended. Returns false if it has not ended. */
    private boolean finish(FlightEnding ending) {
        if (ending == null) {
            return false;
        }
        if (ending instanceof FlightEnding.Complete complete && complete.template() != null && reader == null) {
            // A document. All followers read it from the same template, piece by piece.
            reader = LiveTemplate.reader(complete.template());
            begin(complete.template().length());
            return true;
        }
        done = true;
        if (ending instanceof FlightEnding.Complete) {
            begin(-1);
            sink.end();
        } else if (started) {
            sink.fail(cause(ending));
        } else {
            retry.startOver(ending);
        }
        return true;
    }

    private void begin(long contentLength) {
        if (started) {
            return;
        }
        started = true;
        ResponseHead head = flight.head();
        sink.head(new ResponseHead(
                200,
                head.contentType(),
                null,
                contentLength,
                new String(id, StandardCharsets.ISO_8859_1),
                flight.collapsed(request.reason()),
                Map.of()));
    }

    private static Throwable cause(FlightEnding ending) {
        if (ending instanceof FlightEnding.Failed failed && failed.cause() != null) {
            return failed.cause();
        }
        return new IllegalStateException("the upstream's stream ended without its terminal event");
    }
}
