package dev.refrain.engine.internal.store;

import java.util.concurrent.TimeUnit;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/** Operations begin while the file is closed: none of them is under way once it is unmapped. */
@JCStressTest
@Outcome(
        id = {"mapped, mapped", "mapped, refused", "refused, refused"},
        expect = Expect.ACCEPTABLE,
        desc = "Done before the closing, or not at all.")
@Outcome(expect = Expect.FORBIDDEN, desc = "An operation met an unmapped file.")
@State
public class InFlightStress {
    private final InFlight inFlight = new InFlight();
    private String file = "mapped";

    private String operation() {
        if (!inFlight.enter()) {
            return "refused";
        }
        String seen = file;
        inFlight.exit();
        return seen;
    }

    @Actor
    public void use(LL_Result result) {
        result.r1 = operation();
        result.r2 = operation();
    }

    @Actor
    public void close() {
        inFlight.close();
        if (inFlight.awaitNone(10, TimeUnit.SECONDS)) {
            file = "unmapped";
        }
    }
}
