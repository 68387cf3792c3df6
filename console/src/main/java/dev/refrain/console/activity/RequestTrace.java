package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.semantics.RequestFields;
import java.net.URI;
import java.util.function.Supplier;

/**
 * One request in a trace, for whoever records traces; the log itself knows of none. Used by one thread at a time, but
 * for {@link #calling}, which is thread-safe.
 */
public interface RequestTrace {
    /** Follows requests. Thread-safe. */
    interface Source {
        /**
         * What a trace needs of a request's head.
         *
         * @param fields of the header, which may name the trace that the request belongs to; not kept
         * @param scheme {@code http} or {@code https}
         * @param path as it was sent, without the query string
         */
        Head head(RequestFields fields, String scheme, String method, String path);
    }

    /** A head in which requests over one connection may be the same. Immutable and thread-safe. */
    interface Head {
        /** A request with this head has come; to be called on the thread that it came on. */
        RequestTrace begin(Account request);
    }

    /** One call to a provider in a trace. Thread-safe. */
    interface Call {
        /**
         * Runs what starts the call, which finds its place in the trace by the thread.
         *
         * @param action is run once, on this thread
         */
        <T> T start(Supplier<T> action);

        /** The provider's answer begins, with this status. */
        void answered(int status);

        /** The call has failed. */
        void failed(Throwable cause);

        /** The call is over, with what its answer said of itself. Called once. */
        void ended(AnswerFacts answer);
    }

    /** The request's head. */
    Head head();

    /**
     * A call to a provider begins.
     *
     * @param provider its base URL; null if it is not known
     */
    Call calling(Account request, URI provider);

    /** The fields for the provider, in the course of {@link Call#start}: with what its own trace goes on from. */
    RequestFields forProvider(RequestFields fields);

    /** The client of the request has its answer, or gets no more of it. Called once. */
    void served(Account request);
}
