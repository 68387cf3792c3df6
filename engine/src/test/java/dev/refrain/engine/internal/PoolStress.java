package dev.refrain.engine.internal;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/** Threads take from and give to one slot: an object has one owner at a time, who sees all writes of the one before. */
@JCStressTest
@Outcome(id = "true, true", expect = Expect.ACCEPTABLE, desc = "Each owner was alone.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Two owners at once, or one that saw an older state.")
@State
public class PoolStress {
    private static final class Owned {
        private int uses;
        private int done;
    }

    private final Pool<Owned> pool = new Pool<>(Owned::new, 1);

    public PoolStress() {
        pool.give(new Owned());
    }

    private boolean use() {
        boolean alone = true;
        for (int i = 0; i < 3; i++) {
            Owned owned = pool.take();
            alone &= owned.uses == owned.done;
            owned.uses++;
            alone &= owned.uses == owned.done + 1;
            owned.done++;
            pool.give(owned);
        }
        return alone;
    }

    @Actor
    public void one(ZZ_Result result) {
        result.r1 = use();
    }

    @Actor
    public void other(ZZ_Result result) {
        pool.clear();
        result.r2 = use();
    }
}
