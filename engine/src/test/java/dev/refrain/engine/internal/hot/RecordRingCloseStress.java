package dev.refrain.engine.internal.hot;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/** A ring is closed, and its memory is reused, while one thread reads and another appends. */
@JCStressTest
@Outcome(
        id = {"none, 0", "whole, 0"},
        expect = Expect.ACCEPTABLE,
        desc = "Whole or not there; all memory is given back.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Torn, or memory is left.")
@State
public class RecordRingCloseStress {
    private final StressRing ring = new StressRing(64);

    public RecordRingCloseStress() {
        ring.append(1);
    }

    @Actor
    public void close() {
        ring.ring.close();
    }

    @Actor
    public void use(LL_Result result) {
        result.r1 = ring.find(1);
        ring.append(2);
    }

    @Arbiter
    public void afterwards(LL_Result result) {
        result.r2 = ring.ring.bytes();
    }
}
