package dev.refrain.engine;

/** A reader of a flight's answer other than the leader: a follower here, or the publisher to other machines. */
interface FlightMember {
    /** How many bytes of the stream this member has read. */
    long position();

    /** Whether the reader behind this member is still there, as far as can be told. */
    boolean hasReader();

    /** Whether the call should go on for this member alone. Called with the flight's monitor held. */
    boolean keepsCall();

    /** Whether this member's client has received this generation id. */
    default boolean hasId(String id) {
        return false;
    }

    /** Called when this member lags so far that holding the stream for it would exceed the limit. It gets no more. */
    void overrun();

    /** Called when there is more to read, or when the flight has ended. */
    void wake();
}
