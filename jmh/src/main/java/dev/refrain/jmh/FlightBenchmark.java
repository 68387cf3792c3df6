package dev.refrain.jmh;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A follower that joins a flight, receives the bytes that have arrived, and leaves. */
public class FlightBenchmark extends MeasuredInForks {
    private static final CacheControls ON = CacheControls.on(CacheControls.DEFAULT_TTL);

    /** A flight whose stream goes on; some events have arrived. */
    @State(Scope.Benchmark)
    public static class Live {
        private static final String EVENT =
                "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,"
                        + "\"model\":\"acme/large-2026\",\"choices\":[{\"index\":0,"
                        + "\"delta\":{\"content\":\"some\"},\"finish_reason\":null}]}\n\n";
        private static final int EVENTS = 10;

        private TemporaryCache temporary;
        private CacheKey key;
        private ResponseSink flight;

        @Setup(Level.Trial)
        public void start() throws IOException {
            temporary = new TemporaryCache(16L << 20);
            byte[] body = "{\"model\":\"acme/large-2026\",\"stream\":true,\"messages\":[]}"
                    .getBytes(StandardCharsets.US_ASCII);
            key = temporary
                    .cache()
                    .key(CacheRequest.of(Endpoint.CHAT, Requests.API_KEY, body))
                    .orElseThrow();
            temporary
                    .cache()
                    .pipeline()
                    .respond(
                            key,
                            ON,
                            sink -> {
                                flight = sink;
                                return Upstream.Call.UNSTOPPABLE;
                            },
                            new CountingSink());
            flight.head(new ResponseHead(200, "text/event-stream", null, -1, "gen-1", null, Map.of()));
            flight.chunk(ByteBuffer.wrap(EVENT.repeat(EVENTS).getBytes(StandardCharsets.US_ASCII)));
        }

        @TearDown(Level.Trial)
        public void end() throws IOException {
            flight.chunk(ByteBuffer.wrap("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
                    .getBytes(StandardCharsets.US_ASCII)));
            flight.end();
            temporary.close();
        }
    }

    /** A reader that leaves on demand. */
    private static final class Visitor implements ResponseSink {
        private int bytes;
        private Runnable leave = () -> {};

        @Override
        public void head(ResponseHead head) {
            // Only the bytes count.
        }

        @Override
        public void chunk(ByteBuffer chunk) {
            bytes += chunk.remaining();
        }

        @Override
        public void whenGone(Runnable action) {
            leave = action;
        }

        @Override
        public void end() {
            throw new IllegalStateException("The stream has ended");
        }

        @Override
        public void fail(Throwable cause) {
            throw new IllegalStateException(cause);
        }
    }

    @Benchmark
    public int join(Live live) {
        Visitor visitor = new Visitor();
        live.temporary
                .cache()
                .pipeline()
                .respond(
                        live.key,
                        ON,
                        sink -> {
                            throw HitBenchmark.miss();
                        },
                        visitor);
        if (visitor.bytes == 0) {
            throw new IllegalStateException("Nothing came by the time the call returned");
        }
        visitor.leave.run();
        return visitor.bytes;
    }
}
