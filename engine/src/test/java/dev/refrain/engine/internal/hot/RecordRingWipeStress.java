package dev.refrain.engine.internal.hot;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/** A purge, while one thread reads a record and another appends what it read from the store before the purge. */
@JCStressTest
@Outcome(
        id = {"none, none", "whole, none"},
        expect = Expect.ACCEPTABLE,
        desc = "Whole until it is wiped; nothing is left.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Torn, or there is a record after the purge.")
@State
public class RecordRingWipeStress {
    private final StressRing ring = new StressRing(64);
    private final RecordRing.Cursor searched = new RecordRing.Cursor();

    public RecordRingWipeStress() {
        ring.append(1);
        ring.search(2, searched);
    }

    @Actor
    public void wipe() {
        ring.ring.wipe((block, keyAt, keyLength, valueAt, valueLength) -> true);
    }

    @Actor
    public void use(LL_Result result) {
        result.r1 = ring.find(1);
        ring.append(2, searched);
    }

    @Arbiter
    public void afterwards(LL_Result result) {
        result.r2 = ring.find(1).equals("none") ? ring.find(2) : "left";
    }
}
