package dev.refrain.engine;

/** Who reads a flight's answer beside its leader: a follower here, or the stream to another machine. */
interface FlightMember {
    /** Bytes of the stream read. */
    long position();

    /** Whether anybody reads what is passed on, as far as that can be told. */
    boolean hasReader();

    /** Whether the call is to go on for this one alone. Called with the flight's monitor held. */
    boolean keepsCall();

    /** Whether its client has this generation id. */
    default boolean hasId(String id) {
        return false;
    }

    /** It lags so far behind that holding the stream for it would exceed the limit: it gets no more. */
    void overrun();

    /** There is more to read, or the flight has ended. */
    void wake();
}
