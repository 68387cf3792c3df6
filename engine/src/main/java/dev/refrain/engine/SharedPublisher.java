package dev.refrain.engine;

import dev.refrain.engine.internal.seal.StreamSeal;
import dev.refrain.engine.internal.template.LiveReader;
import dev.refrain.engine.internal.template.LiveTemplate;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.SharedTier;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Passes the events of a flight on to other machines, sealed, while one of them waits: first all events that there are,
 * then new ones in batches. To the flight it is a follower like any other, and a slow one if the tier is slow.
 *
 * <p>One piece is under way at a time. If the tier does not answer, the piece is sent again; the piece's number tells
 * the tier whether it has the piece already. If the tier has lost earlier pieces, all are sent again. They are cut at
 * the same places, so that machines that have read some of them can continue. They are sealed under another salt, since
 * the content of a piece may differ by then.
 */
final class SharedPublisher implements FlightMember {
    private static final Logger LOG = LoggerFactory.getLogger(SharedPublisher.class);

    /** How long events are collected before they are sent. */
    private static final long BATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final long AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int FIRST_BYTES = 1024;
    private static final byte[] NOTHING = new byte[0];
    /** The stream is begun at most this often. A tier without room for it may lose it every time. */
    private static final int MOST_BEGINNINGS = 5;

    /** The tier's reply to a piece. */
    private enum Reply {
        TAKEN,
        LOST,
        REFUSED,
        FAILED;

        static Reply of(SharedTier.Appended said) {
            return switch (said) {
                case TAKEN -> TAKEN;
                case LOST -> LOST;
                case REFUSED -> REFUSED;
            };
        }
    }

    private final SharedLease lease;
    private final SharedLease.Tier calls;
    private final Flight flight;
    /** A reservation of its own, since this memory serves readers on other machines, and not only storing. */
    private final MemoryBudget.Reservation memory;

    private final Turns turns = new Turns();

    private volatile boolean overrun;
    private volatile LiveReader reader;
    private volatile Reply reply;
    /** When a piece was last sent, by {@link System#nanoTime}. */
    private volatile long sentAt;

    // Used only by the thread that does the work.
    private byte[] salt;
    private StreamSeal seal;
    private int beginnings;
    private int number;
    /** Lengths of the pieces that were cut from the template. The first of them is the stream's second piece. */
    private int[] cuts = new int[8];

    private int cutCount;
    /** A piece that was read from the stream, but for which there was no memory yet. */
    private byte[] unsent;

    private byte[] underWay;
    private boolean isLast;
    private boolean isMore;
    private long failingSince;
    private volatile boolean over;

    SharedPublisher(SharedLease lease, SharedLease.Tier calls) {
        this.lease = lease;
        this.calls = calls;
        this.flight = lease.flight();
        this.memory = flight.openReservation();
        this.sentAt = System.nanoTime() - BATCH_NANOS;
        begin();
    }

    private void begin() {
        beginnings++;
        number = 0;
        salt = StreamSeal.newSalt();
        seal = new StreamSeal(SharedEntries.sealKey(flight.key()), lease.digest(), lease.token(), salt);
    }

    // ---- as a follower

    @Override
    public long position() {
        LiveReader current = reader;
        return current == null ? 0 : current.position();
    }

    @Override
    public boolean hasReader() {
        return lease.isWanted();
    }

    @Override
    public boolean keepsCall() {
        return lease.isWanted();
    }

    @Override
    public void overrun() {
        overrun = true;
    }

    @Override
    public void wake() {
        if (turns.ask()) {
            calls.later(this::workOff, sentAt + BATCH_NANOS - System.nanoTime());
        }
    }

    /** Ends this publisher, since the flight could not be joined. */
    void cannotBegin() {
        over = true;
        memory.close();
    }

    private void workOff() {
        turns.take(this::work);
    }

    @SuppressWarnings("CatchingUnchecked") // other machines wait for the lease, which would never be released
    private void work() {
        try {
            while (!over && step()) {}
        } catch (Throwable e) {
            LOG.warn("A stream could not be passed on to other machines; they call the provider", e);
            end(false);
        }
    }

    // ---- sending

    /** Does the next step. Returns whether to go on. */
    private boolean step() {
        if (overrun) {
            end(false);
            return false;
        }
        if (underWay != null && !handleReply()) {
            return false;
        }
        if (over) {
            return false;
        }
        if (unsent != null) {
            return sendUnsent();
        }
        // The ending is read before the stream, so that all that was published before the ending comes first.
        FlightEnding ending = flight.ending();
        if (ending == null && !lease.isWanted()) {
            return false;
        }
        if (ending == null && !isMore && System.nanoTime() - sentAt < BATCH_NANOS) {
            calls.later(this::wake, sentAt + BATCH_NANOS - System.nanoTime());
            return false;
        }
        return sendMore(ending);
    }

    /** Handles the tier's reply to the piece that was under way. Returns whether to go on. */
    private boolean handleReply() {
        Reply said = reply;
        if (said == null) {
            return false;
        }
        reply = null;
        if (said == Reply.TAKEN) {
            calls.counters().appendedBytes.add(underWay.length);
            memory.resize(cutBytes());
            underWay = null;
            failingSince = 0;
            number++;
            if (isLast) {
                end(true);
            }
            return true;
        }
        if (said == Reply.LOST) {
            return beginAnew();
        }
        long now = calls.nanos();
        failingSince = failingSince == 0 ? now : failingSince;
        if (said == Reply.REFUSED
                || calls.isClosed()
                || now - failingSince > calls.timing().patience().toNanos()) {
            end(false);
        } else {
            calls.later(this::sendUnderWay, AGAIN_NANOS);
        }
        return false;
    }

    /** Begins the stream anew, since the tier has lost it. Returns whether to go on. */
    private boolean beginAnew() {
        LiveTemplate live = flight.live();
        LiveReader beginning = live == null ? null : live.reader();
        if (beginning == null || beginnings == MOST_BEGINNINGS || overrun) {
            end(false);
            return false;
        }
        begin();
        reader = beginning;
        underWay = null;
        failingSince = 0;
        isLast = false;
        isMore = true;
        memory.resize(cutBytes());
        return true;
    }

    private long cutBytes() {
        return (long) Integer.BYTES * cuts.length;
    }

    /** Limit of the length of the next piece of the template, in bytes. */
    private int nextCut() {
        return number <= cutCount ? cuts[number - 1] : LiveReader.PIECE;
    }

    private void noteCut(int length) {
        if (number <= cutCount) {
            return;
        }
        if (cutCount == cuts.length) {
            cuts = Arrays.copyOf(cuts, 2 * cutCount);
        }
        cuts[cutCount++] = length;
    }

    private boolean sendMore(FlightEnding ending) {
        if (reader == null) {
            LiveTemplate live = flight.live();
            reader = live == null ? null : live.reader();
            if (live != null && reader == null) {
                // The beginning of the stream is no longer kept.
                end(false);
                return false;
            }
        }
        if (reader != null && number == 0) {
            return send(LivePieces.head(flight.ttl(), flight.head()), true);
        }
        int most = number == 0 ? 0 : nextCut();
        EntryBuffer bytes = new EntryBuffer(FIRST_BYTES);
        EntryBuffer patches = new EntryBuffer(0);
        if (reader != null && reader.readTemplate(most, bytes, patches)) {
            noteCut(bytes.length());
            boolean isMoreThere = number < cutCount || bytes.length() >= LiveReader.PIECE;
            return send(LivePieces.data(bytes, patches, flight.providerId()), isMoreThere);
        }
        if (ending != null && number > 0) {
            isLast = true;
            boolean whole = ending instanceof FlightEnding.Complete;
            return send(LivePieces.end(whole, flight.savings()), false);
        }
        if (ending != null) {
            end(true);
        }
        return false;
    }

    private boolean send(byte[] piece, boolean more) {
        isMore = more;
        unsent = piece;
        return sendUnsent();
    }

    /**
     * Sends the piece in {@link #unsent}. Without memory for it, tries again later. Meanwhile this publisher lags like
     * a slow follower, and may be cut off like one. Returns whether to go on.
     */
    private boolean sendUnsent() {
        byte[] piece = unsent;
        if (!memory.resize(2L * piece.length + cutBytes())) {
            if (calls.isClosed()) {
                end(false);
            } else {
                calls.later(this::wake, AGAIN_NANOS);
            }
            return false;
        }
        unsent = null;
        underWay = seal.seal(number, piece, piece.length, number == 0 ? salt : NOTHING);
        sentAt = System.nanoTime();
        sendUnderWay();
        return true;
    }

    private void sendUnderWay() {
        if (over) {
            return;
        }
        var unused = calls.tier()
                .append(lease.digest(), lease.token(), number, underWay)
                .whenComplete((said, failure) -> {
                    reply = failure != null ? Reply.FAILED : Reply.of(said);
                    if (turns.ask()) {
                        calls.execute(this::workOff);
                    }
                });
    }

    private void end(boolean whole) {
        over = true;
        reader = null;
        unsent = null;
        memory.close();
        flight.leave(this);
        lease.published(whole);
    }
}
