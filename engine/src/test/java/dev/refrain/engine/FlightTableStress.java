package dev.refrain.engine;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** Two identical requests at once cost one call, and both have its answer. */
@JCStressTest
@Outcome(id = "whole, whole, 1 calls, 0 flights", expect = Expect.ACCEPTABLE, desc = "One leads, one follows.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Anything else.")
@State
public class FlightTableStress {
    private final FlightStressWorld world = new FlightStressWorld();
    private FlightStressWorld.Client one;
    private FlightStressWorld.Client other;

    @Actor
    public void one() {
        one = world.ask();
    }

    @Actor
    public void other() {
        other = world.ask();
    }

    /** The provider answers after both requests. */
    @Arbiter
    public void answer(L_Result result) {
        world.begin();
        world.finish();
        result.r1 = world.outcome(one, other);
    }
}
