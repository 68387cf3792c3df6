package dev.refrain.engine;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * Two threads report work, as the callbacks of a {@link SharedWait} and a {@link SharedPublisher} do. All reports are
 * seen. The work uses no lock and no volatile field, and never runs on two threads at a time.
 */
@JCStressTest
@Outcome(id = "3, 0", expect = Expect.ACCEPTABLE, desc = "All of it was seen.")
@Outcome(expect = Expect.FORBIDDEN, desc = "News was lost, or two worked at the same time.")
@State
public class TurnsStress {
    private final Turns turns = new Turns();
    private volatile boolean first;
    private volatile boolean second;
    private int seen;
    private int runs;
    private int lost;
    private int looked;

    private void tell() {
        if (turns.ask()) {
            turns.take(this::work);
        }
    }

    private void work() {
        int before = runs;
        seen |= (first ? 1 : 0) | (second ? 2 : 0);
        runs = before + 1;
        if (runs != ++looked) {
            lost++;
        }
    }

    @Actor
    public void one() {
        first = true;
        tell();
    }

    @Actor
    public void two() {
        second = true;
        tell();
    }

    @Arbiter
    public void look(II_Result result) {
        result.r1 = seen;
        result.r2 = lost;
    }
}
