package dev.refrain.engine;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** Requests that arrive while a call fails before its first byte share one new call, whenever they arrived. */
@JCStressTest
@Outcome(id = "failed, waits, waits, 2 calls, 1 flights", expect = Expect.ACCEPTABLE, desc = "One new call for both.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Anything else.")
@State
public class FlightFailureStress {
    private final FlightStressWorld world = new FlightStressWorld();
    private final FlightStressWorld.Client leader = world.ask();
    private final FlightStressWorld.Client follower = world.ask();
    private FlightStressWorld.Client late;

    @Actor
    public void provider() {
        world.fail();
    }

    @Actor
    public void latecomer() {
        late = world.ask();
    }

    @Arbiter
    public void look(L_Result result) {
        result.r1 = world.outcome(leader, follower, late);
    }
}
