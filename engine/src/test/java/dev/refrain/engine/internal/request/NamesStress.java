package dev.refrain.engine.internal.request;

import static java.nio.charset.StandardCharsets.US_ASCII;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/** Two names displace each other from one slot: each thread gets the name that it asked for, whole. */
@JCStressTest
@Outcome(id = "m1.e9, m2.e9", expect = Expect.ACCEPTABLE, desc = "Each its own.")
@Outcome(expect = Expect.FORBIDDEN, desc = "The other's name, or a torn one.")
@State
public class NamesStress {
    // Length, middle byte and last byte choose the slot, and are equal in both names.
    private static final byte[] ONE = "m1.e9".getBytes(US_ASCII);
    private static final byte[] OTHER = "m2.e9".getBytes(US_ASCII);

    @Actor
    public void one(LL_Result result) {
        Names.of(ONE, 0, ONE.length);
        result.r1 = Names.of(ONE, 0, ONE.length);
    }

    @Actor
    public void other(LL_Result result) {
        Names.of(OTHER, 0, OTHER.length);
        result.r2 = Names.of(OTHER, 0, OTHER.length);
    }
}
