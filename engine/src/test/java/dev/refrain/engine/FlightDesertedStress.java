package dev.refrain.engine;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** Two requests find a silent call that all its clients have left: together they make one new call (wire rule W28b). */
@JCStressTest
@Outcome(id = "waits, waits, waits, 2 calls, 1 flights", expect = Expect.ACCEPTABLE, desc = "One new call for both.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Anything else.")
@State
public class FlightDesertedStress {
    private final FlightStressWorld world = new FlightStressWorld();
    private final FlightStressWorld.Client leader = world.ask();
    private FlightStressWorld.Client one;
    private FlightStressWorld.Client other;

    /** The leader has gone before the race. */
    public FlightDesertedStress() {
        leader.leave();
    }

    @Actor
    public void first() {
        one = world.ask();
    }

    @Actor
    public void second() {
        other = world.ask();
    }

    @Arbiter
    public void look(L_Result result) {
        result.r1 = world.outcome(leader, one, other);
    }
}
