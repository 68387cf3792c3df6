package dev.refrain.semantics.client;

import dev.refrain.semantics.RequestFields;
import java.io.IOException;
import java.time.Duration;

/**
 * A request of a wrapped client, on its way out. One object for each attempt; used by one thread at a time, but for
 * {@link #isCancelled} and {@link #cancelCall}.
 */
public interface ClientRequest {
    /**
     * Adds all of the request but its body: method, URL and all lines of the header, in an order that is the same for
     * equal ones. By it the cache knows a head again without understanding it, which takes longer than the rest of a
     * hit.
     *
     * @return whether that was done. A request that returns false, which it does unless overridden, is understood anew
     *     each time
     */
    default boolean digest(HeadDigest head) {
        return false;
    }

    /** The method, in capitals. */
    String method();

    /** Where it goes. */
    RequestUrl url();

    /** The header, as far as the client has made it. */
    RequestFields fields();

    /**
     * The body, which is asked for once at most; the request can still be sent.
     *
     * @param limit the most bytes that are of use
     * @return null if it is longer, or cannot be read before it is sent
     * @throws IOException if it cannot be read, which fails the request
     */
    byte[] body(int limit) throws IOException;

    /**
     * Calls the provider with the wrapped client, and waits until the answer begins. The request leaves without the
     * fields that tell the cache what to do ({@link ClientCache#isForTheCache}), and asks the provider not to compress
     * its answer ({@code Accept-Encoding: identity}). Called once at most, on a thread of the executor; whatever it
     * throws is thrown to whoever waits for the answer.
     *
     * @param changed to be sent in place of the request's body; null if that is as it has to be. Not to be changed
     * @throws IOException if there is no answer
     */
    ProviderAnswer send(byte[] changed) throws IOException;

    /**
     * Breaks off the call, if that can be done from another thread while it is read; its answer is closed in any case
     * as soon as it can be.
     */
    default void cancelCall() {}

    /** Whether the program has cancelled the request; looked at now and then while it waits. */
    default boolean isCancelled() {
        return false;
    }

    /** How long the whole request may take, its answer's body included; zero or null for no limit. */
    default Duration timeout() {
        return Duration.ZERO;
    }

    /**
     * How long the answer may take to begin, where its body may take any time; zero or null for no limit. Looked at by
     * {@link ClientCache#executeAsync} only.
     */
    default Duration timeToBegin() {
        return Duration.ZERO;
    }

    /**
     * How long the client waits for the next bytes of an answer; zero or null for no limit. Looked at only where the
     * request waits for a call that it has not made, since the client itself limits its own.
     */
    default Duration readTimeout() {
        return Duration.ZERO;
    }
}
