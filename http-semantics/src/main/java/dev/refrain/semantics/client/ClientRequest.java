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
     * Adds the head of the request to a digest: method, URL and all lines of the header, in the same order for equal
     * heads. By the digest, the cache recognises a head without reading it, which would take longer than all the rest
     * of a hit.
     *
     * @return whether the head was added. If not, which is the default, the cache reads the head of each request
     */
    default boolean digest(HeadDigest head) {
        return false;
    }

    /** The method, in capitals. */
    String method();

    /** The URL that the request goes to. */
    RequestUrl url();

    /** The header, as far as the client has made it. */
    RequestFields fields();

    /**
     * The body. Called once at most; the request can still be sent afterwards.
     *
     * @param limit the longest body, in bytes, that is of use
     * @return null if the body is longer, or cannot be read before it is sent
     * @throws IOException if the body cannot be read, which fails the request
     */
    byte[] body(int limit) throws IOException;

    /**
     * Calls the provider with the wrapped client, and waits until the answer begins. The request leaves without the
     * fields that tell the cache what to do ({@link ClientCache#isForTheCache}), and asks the provider not to compress
     * its answer ({@code Accept-Encoding: identity}). Called once at most, on a thread of the executor. What it throws
     * is thrown to the program that waits for the answer.
     *
     * @param changed the body to send; null for the request's own. Must not be changed
     * @throws IOException if there is no answer
     */
    ProviderAnswer send(byte[] changed) throws IOException;

    /**
     * Breaks off the call, if the client can do that from another thread while the answer is read. In any case the
     * answer is closed as soon as that is possible.
     */
    default void cancelCall() {}

    /**
     * Whether the program has cancelled the request; checked at intervals while it waits. Called under a lock: it must
     * be quick and must not call back.
     */
    default boolean isCancelled() {
        return false;
    }

    /** How long the whole request may take, its answer's body included; zero or null for no limit. */
    default Duration timeout() {
        return Duration.ZERO;
    }

    /**
     * How long the answer may take to begin; its body may then take any time. Zero or null for no limit. Only
     * {@link ClientCache#executeAsync} uses it.
     */
    default Duration timeToBegin() {
        return Duration.ZERO;
    }

    /**
     * How long the client waits for the next bytes of an answer; zero or null for no limit. Used only while the request
     * waits for another request's call, since the client limits its own.
     */
    default Duration readTimeout() {
        return Duration.ZERO;
    }
}
