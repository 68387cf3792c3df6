package dev.refrain.engine.spi;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * Where machines share entries, tell each other what was removed, and agree on who calls a provider. An instance is one
 * machine's access to it. A tier is not trusted: what it keeps is sealed, and what it gives back is checked by the
 * engine.
 *
 * <p><b>Calls</b> do not block and may come from any thread. A stage completes within the timeout of the tier, normally
 * or with a {@link SharedTierException}; nothing else is thrown but an {@link IllegalArgumentException} for a parameter
 * that cannot be. While a tier is unavailable, stages fail at once. Stages complete on threads of the tier that must
 * not be blocked. A call whose stage failed may have taken effect all the same.
 *
 * <p><b>Bytes</b>: keys are {@link #KEY_LENGTH} bytes. No parameter and no result is null, unless it says so. Arrays
 * that are passed must not be changed until the stage has completed; arrays that come back are the caller's own.
 *
 * <p><b>Times</b> that are called micros are those of the tier's clock, the only one that all machines share, in
 * microseconds since the epoch. Clocks of machines are never compared with it. Durations are in milliseconds.
 */
public interface SharedTier extends AutoCloseable {
    /** Length of every key in bytes. */
    int KEY_LENGTH = CacheStore.KEY_LENGTH;

    /** The longest name of a barrier in bytes. */
    int MAX_BARRIER_LENGTH = 64;

    // ---- entries

    /** What there is for a key. */
    final class Found {
        private final byte[] entry;
        private final long micros;

        /**
         * An answer of a tier.
         *
         * @param entry null if there is none; not copied
         * @param micros when the tier was asked
         */
        public Found(byte[] entry, long micros) {
            this.entry = entry;
            this.micros = micros;
        }

        /** The entry as it was put, or null if there is none. Others can write to the tier: it may be anything. */
        public byte[] entry() {
            return entry;
        }

        /** When the tier was asked. A fetch that follows began then. */
        public long micros() {
            return micros;
        }
    }

    /** Asks for the entry of a key. One that is longer than the tier keeps is not there. */
    CompletionStage<Found> get(byte[] key);

    /**
     * Keeps an entry, in place of the key's older one. It is refused if the key was {@link #remove removed} at or after
     * the time when its fetch began, or has an entry whose fetch began later, or if it is too long or the tier is full.
     *
     * @param startedMicros when its fetch began, see {@link Found#micros} and {@link Lease#micros}
     * @param lifeMillis for how long it is kept at most, positive
     * @return whether it is kept now
     */
    CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis);

    /**
     * Removes the entry of a key, and refuses those whose fetch began before now.
     *
     * @param rememberMillis for how long they are refused: longer than a fetch takes, positive
     * @return when that was, micros
     */
    CompletionStage<Long> remove(byte[] key, long rememberMillis);

    // ---- barriers

    /**
     * A barrier that was raised.
     *
     * @param micros when; later than that of every barrier before it
     * @param unheard how many machines were connected and have not confirmed it in time; each of them hears of it as
     *     soon as it can, or is told {@link Listener#lost} first
     */
    record Raised(long micros, int unheard) {}

    /**
     * Tells all machines, this one too, that what began before now does not count any more: for one key, for a scope,
     * for everything, whatever the name means to those who hear it. Machines that are not connected hear of it later.
     * The tier does not look at entries for it. Completes when all connected machines' {@link Listener#raised} have
     * returned, or the time for that is over.
     *
     * @param barrier its name, 1 to {@link #MAX_BARRIER_LENGTH} bytes. The latest time of each name is remembered, for
     *     as many names as the tier has room for
     */
    CompletionStage<Raised> raise(byte[] barrier);

    // ---- leases

    /**
     * Who is to call the provider for a key.
     *
     * @param micros when the lease was granted: the token by which it is known. A later lease of the same key has a
     *     later token. A fetch under it began then
     * @param mine whether it was granted to this call. Otherwise another machine, or another call of this one, holds
     *     it; its holder is told {@link Listener#wanted}, and this machine {@link Listener#released} and {@link
     *     Listener#appended}
     * @param stored whether there is an entry for the key at this moment
     */
    record Lease(long micros, boolean mine, boolean stored) {}

    /**
     * Asks for the lease of a key. It says who should call, and no more: a holder may be paused for longer than the
     * lease lasts, so nothing may be wrong if two call.
     *
     * <p>A lease that nobody else wants may be long, so that it need not be renewed. Once it is wanted, whoever waits
     * is to hear soon if its holder has died.
     *
     * @param millis for how long it is held unless it is renewed; 0 if it is not to be granted, for who only wants what
     *     its holder does. If nobody holds it, the answer's time is 0 then
     * @param wantedMillis for how long at most another's lease is held from now on, unless it is renewed after that,
     *     positive
     */
    CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis);

    /**
     * Holds a lease for longer. One that has lapsed, or that the tier has forgotten, is held again if nobody else holds
     * one for the key. Not to be called after {@link #release}.
     *
     * @param token {@link Lease#micros}
     * @param millis from now on, positive
     * @return false if another lease is held
     */
    CompletionStage<Boolean> renew(byte[] key, long token, long millis);

    /**
     * Gives a lease back, if it is still held, and wakes who waits for it. What was put before can be found by whoever
     * is woken.
     *
     * @param token {@link Lease#micros}
     * @return whether it was still held
     */
    CompletionStage<Boolean> release(byte[] key, long token);

    // ---- live streams

    /**
     * Pieces of a live stream.
     *
     * @param pieces in order, without a gap, from the one that was asked for; empty if there is none yet. There may be
     *     more than one answer holds
     * @param live whether the lease is still held. If not, and it was not given back, its holder may renew it
     * @param count how many pieces the stream has now. If that is fewer than were read, the tier has lost them, and the
     *     holder may begin the stream anew
     */
    record Pieces(List<byte[]> pieces, boolean live, int count) {}

    /** What became of a piece that was to be appended. */
    enum Appended {
        /** It is in the stream. */
        TAKEN,
        /** The pieces before it are not there any more: the stream can be begun anew, with its first piece. */
        LOST,
        /** Another lease is held, or the stream would be longer than the tier keeps. */
        REFUSED
    }

    /**
     * Appends a piece to the live stream of a lease, and wakes those who wait for the lease. The stream can be read for
     * as long as the lease is held and a second or more after that, and goes some seconds later.
     *
     * @param token of a lease that is held, or has lapsed a moment ago, or was lost by the tier: then it is held again
     *     for a moment, if nobody else holds one
     * @param number of the piece, from 0, which begins the stream anew if there is one. Any other that is there already
     *     is not appended again
     */
    CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece);

    /**
     * Reads a live stream.
     *
     * @param token of the lease under which it is written
     * @param from number of the first piece, from 0
     */
    CompletionStage<Pieces> read(byte[] key, long token, int from);

    // ---- notices

    /**
     * Told of what others do. Called on one thread of the tier's at a time, in order; it may block, which holds up the
     * notices that follow. What it throws is logged.
     */
    interface Listener {
        /**
         * A barrier was raised, here or elsewhere. It has to have taken effect when this returns. May be told again.
         *
         * @param barrier its name
         * @param micros when it was raised, for the last time
         */
        void raised(byte[] barrier, long micros);

        /**
         * This machine is connected, and has been told of all barriers up to a time. Told after each connection, and
         * every second or so from then on.
         */
        void caughtUp(long micros);

        /** This machine may miss notices from now on, until it is {@link #caughtUp} again. */
        void lost();

        /**
         * The tier does not know all barriers since the time that was asked for: it was new, was emptied, or had no
         * room for them. Told before {@link #caughtUp}.
         *
         * @param micros none is missing that was raised since then
         */
        void incomplete(long micros);

        /** A lease that this machine asked for in vain was given back. It may not be told of leases that lapsed. */
        void released(byte[] key);

        /** Another machine asked in vain for a lease that this one holds. */
        void wanted(byte[] key);

        /** A piece was appended to the live stream of a lease that this machine asked for in vain. */
        void appended(byte[] key);
    }

    /**
     * Begins to listen, now if the tier is connected and else as soon as it is. Once.
     *
     * @param sinceMicros up to when this machine has been {@link Listener#caughtUp}, in this process or an earlier one;
     *     0 if it never was
     * @throws IllegalStateException if there is a listener already
     */
    void listen(long sinceMicros, Listener listener);

    // ----

    /** Whether calls are likely to succeed now. Costs nothing. While this is false, stages fail at once. */
    boolean isAvailable();

    /**
     * How long a lookup may take. A caller that asks several things before it goes on gives up after that time in all.
     */
    Duration timeout();

    /** Lets go of the tier, and of the leases of this machine as they lapse. Calls after that fail. Idempotent. */
    @Override
    void close();
}
