package dev.refrain.engine.internal.hot;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/**
 * The head of the ring wraps and overwrites a record that is being read, at its old place or at the place to which it
 * was moved for another round.
 */
@JCStressTest
@Outcome(
        id = {"none, none", "none, whole", "whole, none", "whole, whole"},
        expect = Expect.ACCEPTABLE,
        desc = "Whole or not there.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Torn.")
@State
public class RecordRingOverwriteStress {
    private final StressRing ring = new StressRing(1024);

    public RecordRingOverwriteStress() {
        for (int i = 0; i < StressRing.RECORDS; i++) {
            ring.append(i);
        }
        // Hits make the second record stay while the first one goes.
        for (int i = 0; i < 4; i++) {
            ring.hit(1);
            ring.hit(1000);
        }
    }

    @Actor
    public void append() {
        for (int i = 0; i < 3; i++) {
            ring.append(1000);
        }
    }

    @Actor
    public void find(LL_Result result) {
        result.r1 = ring.find(0);
        result.r2 = ring.find(1);
    }
}
