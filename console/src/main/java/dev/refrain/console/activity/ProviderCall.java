package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;
import java.util.function.Supplier;

/**
 * One call to a provider for a request. Tells the request's account when the call is over and what it cost.
 * Thread-safe.
 */
public final class ProviderCall {
    /** The call's trace; null unless traces are recorded. */
    private final RequestTrace.Call trace;

    private Account account;
    private boolean isOver;
    private volatile AnswerFacts facts = AnswerFacts.NONE;

    ProviderCall(RequestTrace.Call trace) {
        this.trace = trace;
    }

    synchronized void attach(Account of) {
        account = of;
    }

    /** Runs the action that starts the call, once, on this thread, inside the call's trace if there is one. */
    public <T> T start(Supplier<T> action) {
        return trace == null ? action.get() : trace.start(action);
    }

    /** The provider's answer begins. */
    void answered(int status) {
        if (trace != null) {
            trace.answered(status);
        }
    }

    /** The call has failed; {@link #ended} follows. */
    void failed(Throwable cause) {
        if (trace != null) {
            trace.failed(cause);
        }
    }

    /** The call is over; the facts are those of its answer. Only the first call of this method counts. */
    public void ended(AnswerFacts answer) {
        Account of;
        boolean isFirst;
        synchronized (this) {
            of = account;
            account = null;
            isFirst = !isOver;
            isOver = true;
        }
        if (isFirst && trace != null) {
            trace.ended(answer);
        }
        if (of != null) {
            facts = answer;
            of.callEnded();
        }
    }

    /** The facts of the answer; {@link AnswerFacts#NONE} until the call has ended. */
    AnswerFacts facts() {
        return facts;
    }
}
