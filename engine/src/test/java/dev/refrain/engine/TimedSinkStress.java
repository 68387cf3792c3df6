package dev.refrain.engine;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/**
 * A time limit passes while an answer arrives: the client gets one end, nothing after it, and the limit is never lost.
 */
@JCStressTest
@Outcome(id = "end", expect = Expect.ACCEPTABLE, desc = "The answer was in time.")
@Outcome(id = "fail", expect = Expect.ACCEPTABLE, desc = "It was not, at whatever piece.")
@Outcome(expect = Expect.FORBIDDEN, desc = "Two ends, none, or something behind one.")
@State
public class TimedSinkStress {
    private static final ResponseHead HEAD = new ResponseHead(200, null, null, -1, null, null, Map.of());

    private final StringBuilder heard = new StringBuilder();
    private final TimedSink sink = new TimedSink(
            new ResponseSink() {
                @Override
                public void head(ResponseHead head) {}

                @Override
                public void chunk(ByteBuffer bytes) {
                    if (heard.length() > 0) {
                        heard.append(" chunk");
                    }
                }

                @Override
                public void end() {
                    heard.append("end");
                }

                @Override
                public void fail(Throwable cause) {
                    heard.append("fail");
                }
            },
            Duration.ofHours(1));

    @Actor
    public void provider() {
        sink.head(HEAD);
        sink.chunk(ByteBuffer.allocate(1));
        sink.chunk(ByteBuffer.allocate(1));
        sink.end();
    }

    @Actor
    public void limit() {
        sink.expire();
    }

    @Arbiter
    public void look(L_Result result) {
        result.r1 = heard.toString();
    }
}
