package dev.refrain.http.upstream;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * A call, as connections see it. All methods but {@link #request} and {@link #isOver} are called on the connection's
 * event loop.
 */
interface Exchange {
    UpstreamRequest request();

    /** Whether it has ended; never false again. From any thread. */
    boolean isOver();

    /**
     * A connection is there, and the request is about to be sent over it.
     *
     * @return whether it is still to be sent
     */
    boolean begins(Wire wire);

    /** There is no connection for it. */
    void unconnected(Throwable why);

    /** It was not sent, or not so much as its head: nobody can have acted on it. {@link #begins} may follow again. */
    void unsent(Throwable why);

    /**
     * The head of the answer is going to take so much memory in all.
     *
     * @param bytes as {@link AnswerHead#heldBytes} counts them
     * @return whether there is room for it; if not, the call fails for that reason
     */
    boolean mayHoldHead(long bytes);

    /**
     * Asks to hold that many bytes of the answer ahead of its client, beside those that every call has room for.
     *
     * @return whether there is room for them; if not, nothing has changed
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

    /** That many bytes have gone out over a websocket. */
    void sent(int bytes);

    /** No more pieces come until the call {@linkplain Wire#read() asks} for more. */
    void pause();

    void ended(Map<String, List<String>> trailers);

    void failed(Throwable why);

    /** A call's hold on its connection; from any thread. */
    interface Wire {
        /** Asks for more of the answer's body. */
        void read();

        /** Breaks off; the call hears no more. */
        void cancel();
    }
}
