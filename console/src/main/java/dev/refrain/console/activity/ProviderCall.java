package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;

/** A provider's call for a request, of which the log wants to know when it is over and what it cost. Thread-safe. */
public final class ProviderCall {
    private Account account;
    private volatile AnswerFacts facts = AnswerFacts.NONE;

    ProviderCall() {}

    synchronized void attach(Account of) {
        account = of;
    }

    /** The call is over, and said this of its answer. Counts only the first time. */
    public void ended(AnswerFacts answer) {
        Account of;
        synchronized (this) {
            of = account;
            account = null;
        }
        if (of != null) {
            facts = answer;
            of.callEnded();
        }
    }

    /** What its answer has said; nothing before it has ended. */
    AnswerFacts facts() {
        return facts;
    }
}
