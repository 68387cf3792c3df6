package dev.refrain.engine.internal.store;

import java.time.Clock;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZZ_Result;

/**
 * Segments become stuck and free at the same time. No change undoes another, and no thread sees a segment as stuck that
 * was never stuck.
 */
@JCStressTest
@Outcome(id = "false, false, true", expect = Expect.ACCEPTABLE, desc = "One came, one went.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A change was lost.")
@State
public class StuckSegmentsStress {
    private static final Failures FAILURES = new Failures(new StoreCounters(), Clock.systemUTC());

    static {
        // Logs its one line here, so that the log of the test stays readable.
        FAILURES.stuck(0);
    }

    private final StuckSegments stuck = new StuckSegments(FAILURES);

    public StuckSegmentsStress() {
        stuck.add(1);
    }

    @Actor
    public void come() {
        stuck.add(2);
    }

    @Actor
    public void go(ZZZ_Result result) {
        stuck.remove(1);
        result.r1 = stuck.contains(3);
    }

    @Arbiter
    public void afterwards(ZZZ_Result result) {
        result.r2 = stuck.contains(1);
        result.r3 = stuck.contains(2);
    }
}
