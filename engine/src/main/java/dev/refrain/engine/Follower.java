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
 * <p>{@link #wake} is called by the flight when there is more to read or it has ended, and by the sink when it is
 * drained. One of the callers does the work; the others only count up {@link #news} and return. So no thread waits, and
 * one thread at a time calls the sink.
 */
final class Follower implements FlightMember {
    private static final Logger LOG = LoggerFactory.getLogger(Follower.class);

    /** What to do when the flight ends without an answer before anything was passed on. */
    interface Retry {
        /** Starts over; the follower is done. */
        void startOver(FlightEnding why);
    }

    private final Flight flight;
    private final MissedRequest request;
    private final GuardedSink sink;
    private final Pool<EntryBuffer> buffers;
    private final Retry retry;
    private final byte[] id = new byte[IdFormat.LENGTH];
    private final byte[] time = new byte[IdFormat.SECONDS_DIGITS];
    /** Calls of {@link #wake} that have not been handled. It begins at one, which {@link #start} handles. */
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
     * Begins to deliver, after joining. Earlier news have waited until now, because a retry sets a listener of its own,
     * which must not be replaced by the one set here.
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

    @SuppressWarnings("CatchingUnchecked") // nothing that happens here may keep the flight from its other followers
    private void work() {
        try {
            while (!done && step()) {}
        } catch (Throwable e) {
            LOG.warn("A request that followed another one's call failed", e);
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

    /** Does what is next. Returns whether to go on. */
    private boolean step() {
        if (gone) {
            done = true;
        } else if (overrun) {
            done = true;
            sink.fail(new IllegalStateException(
                    "the reader lags behind the stream by more than the stored-answer limit"));
            flight.leave(this);
        } else if (sinkTakesMore) {
            // Read before the stream: so everything that was published before the end is passed on before the end.
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
            // It joined in time, but by now the beginning of the stream is no longer kept.
            done = true;
            flight.leave(this);
            // The flight may not know it yet, and a retry must not join it again.
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

    /** Passes on how the flight ended. Returns false if it has not. */
    private boolean finish(FlightEnding ending) {
        if (ending == null) {
            return false;
        }
        if (ending instanceof FlightEnding.Complete complete && complete.template() != null && reader == null) {
            // A document, which all who follow read from one place, piece by piece.
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
