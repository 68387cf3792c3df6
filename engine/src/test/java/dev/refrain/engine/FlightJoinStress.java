package dev.refrain.engine;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** A request that comes while a stream ends has all of it, from the flight or from the store, and makes no call. */
@JCStressTest
@Outcome(id = "whole, whole, 1 calls, 0 flights", expect = Expect.ACCEPTABLE, desc = "Followed, or a hit.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Anything else.")
@State
public class FlightJoinStress {
    private final FlightStressWorld world = new FlightStressWorld();
    private final FlightStressWorld.Client leader = world.ask();
    private FlightStressWorld.Client late;

    /** The stream begins before the race. */
    public FlightJoinStress() {
        world.begin();
    }

    @Actor
    public void provider() {
        world.finish();
    }

    @Actor
    public void latecomer() {
        late = world.ask();
    }

    @Arbiter
    public void look(L_Result result) {
        result.r1 = world.outcome(leader, late);
    }
}
