package dev.refrain.engine.spi;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * A server through which machines share entries, announce removals, and agree on which of them calls a provider. An
 * instance is one machine's access to the tier. The tier is not trusted: the engine seals what it sends and checks what
 * it receives.
 *
 * <p><b>Calls</b> do not block and may come from any thread. A stage completes within the timeout of the tier, normally
 * or with a {@link SharedTierException}. A call throws only an {@link IllegalArgumentException}, for an invalid
 * parameter. While the tier is unavailable, stages fail at once. Stages complete on threads of the tier, which must not
 * be blocked. A call whose stage failed may still have taken effect.
 *
 * <p><b>Bytes</b>: keys are {@link #KEY_LENGTH} bytes. No parameter and no result is null, unless its comment says so.
 * Arrays that are passed must not be changed until the stage has completed; arrays that come back belong to the caller.
 *
 * <p><b>Times</b> named micros are microseconds since the epoch by the tier's clock, the only one that all machines
 * share. They are never compared with the clock of a machine. Durations are in milliseconds.
 */
public interface SharedTier extends AutoCloseable {
    /** Length of every key in bytes. */
    int KEY_LENGTH = CacheStore.KEY_LENGTH;

    /** Limit of a barrier's name, in bytes. */
    int MAX_BARRIER_LENGTH = 64;

    // ---- entries

    /** The result of a lookup. */
    final class Found {
        private final byte[] entry;
        private final long micros;

        /**
         * A result.
         *
         * @param entry the entry, or null if there is none; not copied
         * @param micros the tier's time at the lookup
         */
        public Found(byte[] entry, long micros) {
            this.entry = entry;
            this.micros = micros;
        }

        /** The entry, or null if there is none. Others can write to the tier, so the bytes may be anything. */
        public byte[] entry() {
            return entry;
        }

        /** The tier's time at the lookup. A fetch that follows counts as begun at this time. */
        public long micros() {
            return micros;
        }
    }

    /** Looks up the entry of a key. An entry longer than the tier's limit counts as absent. */
    CompletionStage<Found> get(byte[] key);

    /**
     * Stores an entry in place of the key's older one. The tier refuses the entry if the key was
     * {@linkplain #remove removed} at or after the beginning of the fetch, or has an entry whose fetch began later. It
     * also refuses an entry that is too long, or for which it has no room.
     *
     * @param startedMicros when the fetch of the entry began, see {@link Found#micros} and {@link Lease#micros}
     * @param lifeMillis the longest time that the entry is kept, positive
     * @return whether the tier has stored the entry
     */
    CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis);

    /**
     * Removes the entry of a key, and leaves a tombstone: the tier then refuses entries whose fetch began before now.
     *
     * @param rememberMillis lifetime of the tombstone: longer than a fetch takes, positive
     * @return the time of the removal, micros
     */
    CompletionStage<Long> remove(byte[] key, long rememberMillis);

    // ---- barriers

    /**
     * The result of raising a barrier.
     *
     * @param micros when the barrier was raised; later than every earlier barrier
     * @param unheard number of connected machines that have not confirmed the barrier in time. Each of them receives
     *     the barrier as soon as it can; if it is disconnected, it is told {@link Listener#lost} before that
     */
    record Raised(long micros, int unheard) {}

    /**
     * Tells all machines, including this one, that everything that began before now is invalid: for one key, for a
     * scope, or for everything, as the listeners interpret the name. Machines that are not connected receive the
     * barrier later. The tier itself removes no entries. Completes when {@link Listener#raised} has returned on all
     * connected machines, or when the time for that is over.
     *
     * @param barrier the name, 1 to {@link #MAX_BARRIER_LENGTH} bytes. The tier remembers the latest time of each name,
     *     for as many names as it has room for
     */
    CompletionStage<Raised> raise(byte[] barrier);

    // ---- leases

    /**
     * A lease: the right to call the provider for a key.
     *
     * @param micros when the lease was granted, which is also its token. A later lease of the same key has a later
     *     token. A fetch under the lease counts as begun at this time
     * @param mine whether the lease was granted to this call. Otherwise another machine, or another call of this
     *     machine, holds it. The holder is then told {@link Listener#wanted}, and this machine
     *     {@link Listener#released} and {@link Listener#appended}
     * @param stored whether there is an entry for the key at this moment
     */
    record Lease(long micros, boolean mine, boolean stored) {}

    /**
     * Asks for the lease of a key. A lease is only advice on which machine should call. A holder may be paused for
     * longer than its lease lasts, so two machines may call, and that must do no harm.
     *
     * <p>A lease that no other call wants may be long, so that it need not be renewed. Once another call waits for it,
     * the lease is cut to {@code wantedMillis}, so that the waiting call soon learns if the holder has died.
     *
     * @param millis how long the lease is held unless it is renewed. 0 asks for no lease, but only follows the holder;
     *     the result's time is then 0 if there is no holder
     * @param wantedMillis the time from now to which another holder's lease is cut, unless it is renewed
     *     after that; positive
     */
    CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis);

    /**
     * Extends a lease. A lease that has lapsed, or that the tier has lost, is granted again unless the key has another
     * holder. Not to be called after {@link #release}.
     *
     * @param token {@link Lease#micros}
     * @param millis how long the lease is held from now on, positive
     * @return false if the key has another holder
     */
    CompletionStage<Boolean> renew(byte[] key, long token, long millis);

    /**
     * Releases a lease that is still held, and wakes the machines that wait for it. Those machines find every entry
     * that was put before the release.
     *
     * @param token {@link Lease#micros}
     * @return whether the lease was still held
     */
    CompletionStage<Boolean> release(byte[] key, long token);

    // ---- live streams

    /**
     * Pieces read from a live stream.
     *
     * @param pieces the pieces from the requested one on, in order and without a gap; empty if there is none yet. The
     *     stream may have more pieces than one result holds
     * @param live whether the lease is still held. If it has lapsed and was not released, its holder may renew it
     * @param count number of pieces in the stream now. If fewer than were already read, the tier has lost pieces, and
     *     the holder may begin the stream again
     */
    record Pieces(List<byte[]> pieces, boolean live, int count) {}

    /** The result of appending a piece. */
    enum Appended {
        /** The piece is in the stream. */
        TAKEN,
        /** The tier has lost pieces before this one. The holder can begin the stream again, with its first piece. */
        LOST,
        /** The key has another holder, or the stream would exceed the tier's limit. */
        REFUSED
    }

    /**
     * Appends a piece to the live stream of a lease, and wakes the machines that wait for the lease. The stream can be
     * read while the lease is held and for at least a second after that; the tier deletes it some seconds later.
     *
     * @param token token of a lease that is held. If it has just lapsed, or the tier has lost it, the lease is granted
     *     again for a moment, unless the key has another holder
     * @param number number of the piece, from 0. Piece 0 replaces a stream that exists. Any other piece that the stream
     *     already has is not appended again
     */
    CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece);

    /**
     * Reads a live stream.
     *
     * @param token token of the lease under which the stream is written
     * @param from number of the first piece to read, from 0
     */
    CompletionStage<Pieces> read(byte[] key, long token, int from);

    // ---- notices

    /**
     * Receives notices of what other machines do. Called in order, on one thread of the tier at a time. A listener may
     * block, which delays later notices. Exceptions that it throws are logged.
     */
    interface Listener {
        /**
         * A barrier was raised, by this machine or another. The barrier must have taken effect when this method
         * returns. The method may be called again for the same barrier.
         *
         * @param barrier name of the barrier
         * @param micros when the barrier was last raised
         */
        void raised(byte[] barrier, long micros);

        /**
         * This machine is connected, and has been told of all barriers up to the given time. Called after each
         * connection, and about every second while connected.
         */
        void caughtUp(long micros);

        /** From now on, this machine may miss notices, until {@link #caughtUp} is called again. */
        void lost();

        /**
         * The tier does not know all barriers since the requested time, because it is new, was emptied, or had no room
         * for them. Called before {@link #caughtUp}.
         *
         * @param micros barriers raised since this time are all known
         */
        void incomplete(long micros);

        /** A lease that this machine asked for in vain was released. A lease that lapses need not cause a call. */
        void released(byte[] key);

        /** Another machine asked in vain for a lease that this machine holds. */
        void wanted(byte[] key);

        /** A piece was appended to the live stream of a lease that this machine asked for in vain. */
        void appended(byte[] key);
    }

    /**
     * Begins to listen as soon as the tier is connected. To be called once.
     *
     * @param sinceMicros the time that {@link Listener#caughtUp} last told this machine, in this process or an earlier
     *     one; 0 if it never did
     * @throws IllegalStateException if there is a listener already
     */
    void listen(long sinceMicros, Listener listener);

    // ----

    /** Whether calls are likely to succeed now; a cheap check. While this is false, stages fail at once. */
    boolean isAvailable();

    /** How long a lookup may take. A caller that makes several calls for one lookup gives up after this time in all. */
    Duration timeout();

    /** Disconnects from the tier. The leases of this machine lapse. Later calls fail. Idempotent. */
    @Override
    void close();
}
