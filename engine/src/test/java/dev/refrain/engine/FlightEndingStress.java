package dev.refrain.engine;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** A follower goes on reading while the stream ends: it gets all bytes before the end. */
@JCStressTest
@Outcome(id = "whole, whole, 1 calls, 0 flights", expect = Expect.ACCEPTABLE, desc = "The end came last.")
@Outcome(expect = Expect.FORBIDDEN, desc = "The end came early, or never.")
@State
public class FlightEndingStress {
    private final FlightStressWorld world = new FlightStressWorld();
    private final FlightStressWorld.Client leader = world.ask();
    private final FlightStressWorld.Client follower = world.ask();

    /** An event waits for the follower. */
    public FlightEndingStress() {
        follower.stopTaking();
        world.begin();
    }

    @Actor
    public void provider() {
        world.finish();
    }

    @Actor
    public void reader() {
        follower.take();
    }

    @Arbiter
    public void look(L_Result result) {
        result.r1 = world.outcome(leader, follower);
    }
}
