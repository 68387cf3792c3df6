package dev.refrain.engine;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** A raised barrier holds at every moment, while many others are raised and named barriers are replaced by hashes. */
@JCStressTest
@Outcome(id = "true, true", expect = Expect.ACCEPTABLE, desc = "It holds.")
@Outcome(expect = Expect.FORBIDDEN, desc = "An answer from before it was used.")
@State
public class SharedBarriersStress {
    private static final CacheKey KEY = FlightStressWorld.scopedKey();

    private final SharedBarriers barriers = new SharedBarriers(2, 16);

    /** Raised before the race. */
    public SharedBarriersStress() {
        barriers.raised(SharedBarriers.scope(KEY.scope()), 1_000);
        barriers.raised(SharedBarriers.model(1), 1_000);
    }

    @Actor
    public void others() {
        // Both make named barriers give way to hashes.
        barriers.raised(SharedBarriers.model(2), 1_001);
        barriers.raised(SharedBarriers.model(3), 1_002);
    }

    @Actor
    public void reader(ZZ_Result result) {
        result.r1 = barriers.bars(KEY, 1_000);
        result.r2 = barriers.bars(KEY, 1_000);
    }
}
