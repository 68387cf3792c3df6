package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.semantics.RequestFields;
import java.net.URI;
import java.util.function.Supplier;

/**
 * One request in a trace, for a recorder of traces; the log itself records none. One thread at a time uses it, except
 * {@link #calling}, which is thread-safe.
 */
public interface RequestTrace {
    /** Begins traces of requests. Thread-safe. */
    interface Source {
        /**
         * What a trace needs of a request's head.
         *
         * @param fields of the header, which may name the trace to which the request belongs; not kept
         * @param scheme {@code http} or {@code https}
         * @param path as it was sent, without the query string
         */
        Head head(RequestFields fields, String scheme, String method, String path);
    }

    /** A request's head, which several requests over one connection may share. Immutable and thread-safe. */
    interface Head {
        /** Begins the trace of a request with this head. To be called on the thread on which the request came. */
        RequestTrace begin(Account request);
    }

    /** One call to a provider in a trace. Thread-safe. */
    interface Call {
        /**
         * Runs the action that starts the call. The call finds its place in the trace by the current thread.
         *
         * @param action runs once, on this thread
         */
        <T> T start(Supplier<T> action);

        /** The provider's answer begins, with this status. */
        void answered(int status);

        /** The call has failed. */
        void failed(Throwable cause);

        /** The call is over; the facts are those of its answer. Called once. */
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

    /** Adds the fields by which the provider continues the trace. To be called inside {@link Call#start}. */
    RequestFields forProvider(RequestFields fields);

    /** The client of the request has its answer, or gets no more of it. Called once. */
    void served(Account request);
}
