package dev.refrain.engine.internal.hot;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** Two threads count, and one of them halves all counters: a count may be lost, but none is invented. */
@JCStressTest
@Outcome(
        id = {"0", "1", "2"},
        expect = Expect.ACCEPTABLE,
        desc = "No more than were counted.")
@Outcome(expect = Expect.FORBIDDEN, desc = "More, or less than nothing.")
@State
public class FrequenciesStress {
    // The smallest number of counters, which are all halved at once.
    private final Frequencies frequencies = new Frequencies(1);

    @Actor
    public void count() {
        frequencies.count(0);
    }

    @Actor
    public void countAndAge() {
        frequencies.age();
        frequencies.count(0);
    }

    @Arbiter
    public void afterwards(I_Result result) {
        result.r1 = frequencies.of(0);
    }
}
