package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;

/** One call to a provider for a request. It tells the log when the call is over and what it cost. Thread-safe. */
public final class ProviderCall {
    private Account account;
    private volatile AnswerFacts facts = AnswerFacts.NONE;

    ProviderCall() {}

    synchronized void attach(Account of) {
        account = of;
    }

    /** The call is over, with what it said of its answer. Only the first call of this method counts. */
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
