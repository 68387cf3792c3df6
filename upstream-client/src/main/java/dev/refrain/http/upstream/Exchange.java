package dev.refrain.http.upstream;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * A call as its connection sees it. All methods but {@link #request} and {@link #isOver} are called on the event loop.
 */
interface Exchange {
    UpstreamRequest request();

    /** Whether the call has ended; stays true. From any thread. */
    boolean isOver();

    /**
     * There is a connection, over which the request is about to be sent.
     *
     * @return whether the request is still to be sent
     */
    boolean begins(Wire wire);

    /** There is no connection for the call. */
    void unconnected(Throwable why);

    /**
     * The request's head was not sent completely, or the provider says that it has not processed the request. The call
     * may begin again on another connection ({@link #begins}).
     */
    void unsent(Throwable why);

    /**
     * Asks to hold this many bytes for the answer's head in total.
     *
     * @param bytes as {@link AnswerHead#heldBytes} counts them
     * @return whether there is room for them; if not, the call fails for that reason
     */
    boolean mayHoldHead(long bytes);

    /**
     * Asks to hold this many bytes of the answer ahead of its client, beyond those that are reserved for every call.
     *
     * @return whether there is room for them; if not, nothing changes
     */
    boolean mayHoldAhead(long bytes);

    void interim(AnswerHead head);

    void head(AnswerHead head);

    /**
     * More of the answer's body.
     *
     * @param bytes valid during the call
     */
    void piece(ByteBuffer bytes);

    /** This many bytes have been sent over a websocket. */
    void sent(int bytes);

    /** No more pieces follow until the call {@linkplain Wire#read() asks} for more. */
    void pause();

    void ended(Map<String, List<String>> trailers);

    void failed(Throwable why);

    /** A call's hold on its connection; from any thread. */
    interface Wire {
        /** Asks for more of the answer's body. */
        void read();

        /** Breaks the call off. None of the call's methods is called afterwards. */
        void cancel();
    }
}
