package dev.refrain.console.activity;

import dev.refrain.engine.exchange.Endpoint;
import java.nio.charset.StandardCharsets;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/**
 * Two threads put requests into the queue, where its ring of bytes ends and begins again, and one of them reads the
 * queue meanwhile.
 */
@JCStressTest
@Outcome(id = "a0a1, b0b1", expect = Expect.ACCEPTABLE, desc = "All, whole, each thread's in order.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A request is lost, torn, comes twice or out of order.")
@State
public class FactsQueueStress {
    private static final Cost NOTHING = new Cost(0, 0, 0, 0, 0, 0, 0);
    /** Room for 13 requests. */
    private static final int CAPACITY = 2048;

    private final FactsQueue queue = new FactsQueue(CAPACITY, new Texts(8));
    private final StringBuilder seen = new StringBuilder();

    public FactsQueueStress() {
        // One of the next four requests finds no room at the end of the ring, and is put at the ring's beginning.
        for (int i = 0; i < 11; i++) {
            offer("zz");
        }
        queue.drain(facts -> {});
    }

    /** Every field repeats the name, so that a mixture of two requests is noticed. */
    private static Account request(String name) {
        Account account = new Account(null, Endpoint.MESSAGES, 0, null);
        account.request(name, name, false);
        int number = name.hashCode();
        account.restore(null, name, number, number, number, number, number, false);
        return account;
    }

    @Actor
    public void one() {
        offer("a0");
        offer("a1");
    }

    @Actor
    public void otherAndReader() {
        offer("b0");
        drain();
        offer("b1");
        drain();
    }

    private void offer(String name) {
        if (!queue.offer(request(name), NOTHING)) {
            throw new IllegalStateException("there is room");
        }
    }

    private void drain() {
        queue.drain(facts -> {
            String name = new String(facts.id(), StandardCharsets.UTF_8);
            int number = name.hashCode();
            boolean isWhole = name.equals(facts.model())
                    && name.equals(facts.preset())
                    && facts.status() == number
                    && facts.durationNanos() == number
                    && facts.endMillis() == number;
            seen.append(isWhole ? name : "torn");
        });
    }

    @Arbiter
    public void rest(LL_Result result) {
        drain();
        String all = seen.toString();
        result.r1 = all.replaceAll("b.", "");
        result.r2 = all.replaceAll("a.", "");
    }
}
