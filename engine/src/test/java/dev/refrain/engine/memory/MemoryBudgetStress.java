package dev.refrain.engine.memory;

import dev.refrain.engine.memory.MemoryBudget.Reservation;
import dev.refrain.engine.memory.MemoryBudget.Use;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZJ_Result;

/**
 * Two threads reserve the rest of a budget, and one closes a reservation while the other grows it. More than the limit
 * is never granted, and at the end everything is released.
 */
@JCStressTest
@Outcome(
        id = {"true, false, 0", "false, true, 0", "true, true, 0", "false, false, 0"},
        expect = Expect.ACCEPTABLE,
        desc = "Whoever was granted something was alone, or had only what the other had given back.")
@Outcome(expect = Expect.FORBIDDEN, desc = "More was granted than there is, or something is never given back.")
@State
public class MemoryBudgetStress {
    private static final int LIMIT = 1600;

    private final MemoryBudget budget = new MemoryBudget(LIMIT);
    private final Reservation shared = budget.open();
    /** Number of bytes that both threads certainly hold. */
    private final AtomicInteger granted = new AtomicInteger();

    private boolean take() {
        if (!budget.reserve(LIMIT - 500, Use.UNDER_WAY)) {
            return false;
        }
        if (granted.incrementAndGet() > 1) {
            throw new IllegalStateException("both have most of the budget");
        }
        granted.decrementAndGet();
        budget.release(LIMIT - 500);
        return true;
    }

    @Actor
    public void one(ZZJ_Result result) {
        result.r1 = take();
        shared.grow(300);
        shared.resize(100);
        shared.grow(50);
    }

    @Actor
    public void other(ZZJ_Result result) {
        result.r2 = take();
        shared.close();
    }

    @Arbiter
    public void after(ZZJ_Result result) {
        result.r3 = budget.usedBytes();
    }
}
