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
 * Passes the events of a flight on to other machines, sealed, while somebody there waits: what there is at once, and
 * then what comes, in batches. To the flight it is a follower like any other, which is slow if the tier is.
 *
 * <p>One piece is under way at a time. It is sent again if the tier has not answered; its number tells the tier whether
 * it has it. If the tier has lost the pieces before, all are sent once more, cut where they were cut before, so that
 * whoever has read some of them goes on behind these; and sealed under another salt, since a piece may say more by
 * then.
 */
final class SharedPublisher implements FlightMember {
    private static final Logger LOG = LoggerFactory.getLogger(SharedPublisher.class);

    /** How long events are collected before they are sent. */
    private static final long BATCH_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final long AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final int FIRST_BYTES = 1024;
    private static final byte[] NOTHING = new byte[0];
    /** How often the tier may lose the stream: it may have no room for it. */
    private static final int MOST_BEGINNINGS = 5;

    /** What the tier said to a piece. */
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
    /** Of its own: others follow elsewhere, so this is not only held to be stored. */
    private final MemoryBudget.Reservation memory;

    private final Turns turns = new Turns();

    private volatile boolean overrun;
    private volatile LiveReader reader;
    private volatile Reply reply;
    /** When pieces were last sent, as {@link System#nanoTime}. */
    private volatile long sentAt;

    // Used only by the thread that does the work.
    private byte[] salt;
    private StreamSeal seal;
    private int beginnings;
    private int number;
    /** Lengths of the pieces that were cut from the template. The first of them is the stream's second piece. */
    private int[] cuts = new int[8];

    private int cutCount;
    /** Read from the stream, for which there was no room yet. */
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

    /** The flight was not to be joined. */
    void cannotBegin() {
        over = true;
        memory.close();
    }

    private void workOff() {
        turns.take(this::work);
    }

    @SuppressWarnings("CatchingUnchecked") // others wait for the lease, which would never be given back
    private void work() {
        try {
            while (!over && step()) {}
        } catch (Throwable e) {
            LOG.warn("A stream could not be passed on to other machines", e);
            end(false);
        }
    }

    // ---- sending

    /** Does what is next. Returns whether to go on. */
    private boolean step() {
        if (overrun) {
            end(false);
            return false;
        }
        if (underWay != null && !hasGone()) {
            return false;
        }
        if (over) {
            return false;
        }
        if (unsent != null) {
            return sendUnsent();
        }
        // Read before the stream: so everything that was published before the end is passed on before the end.
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

    /** Whether the tier has taken the piece that was under way. */
    private boolean hasGone() {
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

    /** The tier has lost what it had of the stream. */
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

    /** The most that the next piece of the template may be. */
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
                // Its beginning is no longer kept.
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

    /** Waits for room if there is none. Meanwhile it lags like a follower that reads slowly, and is cut like one. */
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
