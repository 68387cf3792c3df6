package dev.refrain.engine.internal.hot;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/** A ring in its first round with one full bucket (F18): one record is added, others are dropped, one is looked up. */
@JCStressTest
@Outcome(
        id = {"none, none", "none, whole", "whole, none", "whole, whole"},
        expect = Expect.ACCEPTABLE,
        desc = "Whole or not there.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Torn.")
@State
public class RecordRingBucketStress {
    private final StressRing ring = new StressRing(RecordRing.WAYS);
    private final RecordRing.Cursor[] cursors = new RecordRing.Cursor[RecordRing.WAYS];

    public RecordRingBucketStress() {
        for (int i = 0; i < cursors.length; i++) {
            cursors[i] = new RecordRing.Cursor();
            ring.append(i);
            ring.search(i, cursors[i]);
        }
    }

    @Actor
    public void append(LL_Result result) {
        ring.append(100);
        result.r1 = ring.find(100);
    }

    @Actor
    public void drop(LL_Result result) {
        result.r2 = ring.find(0);
        for (RecordRing.Cursor cursor : cursors) {
            ring.ring.drop(cursor);
        }
    }
}
