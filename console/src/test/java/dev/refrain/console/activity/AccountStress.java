package dev.refrain.console.activity;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IZ_Result;

/** A first call ends while its client is answered and begins a second call: the account closes once, after both. */
@JCStressTest
@Outcome(id = "1, true", expect = Expect.ACCEPTABLE, desc = "Closed once, when all was over.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Closed twice, never, or while something was under way.")
@State
public class AccountStress {
    private static final ActivityLog LOG = log();

    private final Account account = LOG.begin(Endpoint.MESSAGES);
    private final ProviderCall first = account.callStarted();
    private final AtomicInteger closed = new AtomicInteger();
    private volatile boolean hasServed;
    private volatile boolean wasLast = true;

    public AccountStress() {
        account.whenClosed(() -> {
            wasLast &= hasServed;
            closed.incrementAndGet();
        });
    }

    /** A closed log, which discards what accounts tell it. */
    private static ActivityLog log() {
        ActivityLog log =
                ActivityLog.open(ActivityOptions.of(Path.of("none"), 0, Duration.ofDays(1)), Clock.systemUTC());
        log.close();
        return log;
    }

    @Actor
    public void client() {
        ProviderCall second = account.callStarted();
        hasServed = true;
        account.served(false);
        second.ended(AnswerFacts.NONE);
        second.ended(AnswerFacts.NONE);
    }

    @Actor
    public void provider() {
        first.ended(AnswerFacts.NONE);
        first.ended(AnswerFacts.NONE);
    }

    @Arbiter
    public void after(IZ_Result result) {
        result.r1 = closed.get();
        result.r2 = wasLast;
    }
}
