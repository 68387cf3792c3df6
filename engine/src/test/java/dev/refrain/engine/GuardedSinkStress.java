package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.ZZ_Result;

/**
 * A reader leaves while the flight registers its listener: a {@link GuardedSink} whose client throws, and a {@link
 * GatheringSink} whose future is cancelled.
 */
@JCStressTest
@Outcome(id = "true, true", expect = Expect.ACCEPTABLE, desc = "The flight hears of it.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A reader has gone, and nobody hears of it.")
@State
public class GuardedSinkStress {
    private static final ResponseHead HEAD = new ResponseHead(200, null, null, -1, null, null, Map.of());
    private static final Logger LOG = Logger.getLogger(GuardedSink.class.getName());

    static {
        // Otherwise each fault would be logged.
        LOG.setLevel(Level.OFF);
    }

    private final GuardedSink guarded = new GuardedSink(new ResponseSink() {
        @Override
        public void head(ResponseHead head) {}

        @Override
        public void chunk(ByteBuffer bytes) {
            throw new IllegalStateException("as in the test");
        }

        @Override
        public void end() {}

        @Override
        public void fail(Throwable cause) {}
    });

    private final GatheringSink gathering = new GatheringSink();
    private volatile boolean heardOfGuarded;
    private volatile boolean heardOfGathering;

    @Actor
    public void flight() {
        guarded.whenGone(() -> heardOfGuarded = true);
        gathering.whenGone(() -> heardOfGathering = true);
    }

    @Actor
    public void reader() {
        guarded.head(HEAD);
        guarded.chunk(ByteBuffer.allocate(1));
        CompletableFuture<WholeAnswer> future = gathering.future();
        future.cancel(false);
    }

    @Arbiter
    public void after(ZZ_Result result) {
        result.r1 = heardOfGuarded;
        result.r2 = heardOfGathering;
    }
}
