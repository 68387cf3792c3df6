package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.spi.HeapStore;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Joining, ending, leaving and superseding, in any interleaving, leave nobody waiting and no older answer in the store.
 */
class FlightRacesTest {
    private static final CacheRequest REQUEST = chat("{\"stream\":true,\"messages\":[]}");
    private static final CacheControls ON = CacheControls.on(Duration.ofMinutes(5));
    private static final CacheControls CLEAR = new CacheControls(true, Duration.ofMinutes(5), true);

    private ResponseCache cache;
    private CacheKey key;

    /** The state of one run of a scenario. Only the store's content could affect the next run. */
    private final class World {
        final List<Call> calls = new ArrayList<>();

        World() {
            cache.remove(key);
        }

        Client ask(CacheControls controls) {
            Client client = new Client();
            cache.respond(REQUEST, controls, this::call, client);
            return client;
        }

        private Upstream.Call call(ResponseSink sink) {
            Call call = new Call(sink);
            synchronized (calls) {
                calls.add(call);
            }
            return call;
        }

        /** Answers every call that is still open, and those that are made because of it. */
        void answerAll() {
            for (int i = 0; i < calls.size(); i++) {
                calls.get(i).answer(i);
            }
            require(cache.admin().joinableFlights() == 0, "a flight is left");
        }
    }

    /** A call that does nothing more once it is cancelled. */
    private static final class Call implements Upstream.Call {
        private final ResponseSink sink;
        private volatile boolean over;

        Call(ResponseSink sink) {
            this.sink = sink;
        }

        void answer(int n) {
            if (!over) {
                over = true;
                sink.head(new ResponseHead(200, "text/event-stream", null, -1, "gen-source", null, Map.of()));
                sink.chunk(ByteBuffer.wrap(utf8("data: {\"n\":" + n + "}\n\n")));
                sink.chunk(ByteBuffer.wrap(
                        utf8("data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")));
                sink.end();
            }
        }

        void fail() {
            over = true;
            sink.fail(new IOException("reset"));
        }

        @Override
        public void cancel() {
            over = true;
        }
    }

    private static final class Client extends RecordingSink {
        private volatile Runnable goneListener;

        @Override
        public void whenGone(Runnable action) {
            goneListener = action;
        }

        void requireAnswer() {
            require(ended && failure == null, "no end");
            require(
                    text().matches("data: \\{\"n\":\\d}\n\ndata: \\{\"choices.*}\n\ndata: \\[DONE]\n\n"),
                    "got " + text());
        }
    }

    private static void require(boolean truth, String otherwise) {
        if (!truth) {
            throw new AssertionError(otherwise);
        }
    }

    private void open(boolean cancel) throws IOException {
        cache = ResponseCache.builder(Path.of("unused"))
                .store(new HeapStore(1L << 30))
                .clock(new MovableClock())
                .cancelWhenAbandoned(cancel)
                .open();
        key = cache.key(REQUEST).orElseThrow();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    @Test
    void aRequestDuringTheEndOfACallGetsItsAnswer() throws IOException {
        open(false);
        Races.check(() -> {
            World world = new World();
            Client leader = world.ask(ON);
            Client[] late = new Client[1];
            Races.together(() -> world.calls.get(0).answer(0), () -> late[0] = world.ask(ON));
            leader.requireAnswer();
            late[0].requireAnswer();
            require(world.calls.size() == 1, "two calls");
            world.answerAll();
        });
    }

    @Test
    void aRequestDuringTheFailureOfACallGetsTheNextCallsAnswer() throws IOException {
        open(false);
        Races.check(() -> {
            World world = new World();
            Client leader = world.ask(ON);
            Client[] late = new Client[2];
            Races.together(
                    () -> world.calls.get(0).fail(), () -> late[0] = world.ask(ON), () -> late[1] = world.ask(ON));
            require(leader.failure != null, "the leader does not hear of the failure");
            world.answerAll();
            late[0].requireAnswer();
            late[1].requireAnswer();
            require(world.calls.size() == 2, world.calls.size() + " calls");
        });
    }

    @Test
    void nobodyJoinsAnAbortedCall() throws IOException {
        open(true);
        Races.check(() -> {
            World world = new World();
            Client leader = world.ask(ON);
            Client follower = world.ask(ON);
            Client[] late = new Client[1];
            Races.together(
                    () -> leader.goneListener.run(), () -> follower.goneListener.run(), () -> late[0] = world.ask(ON));
            world.answerAll();
            late[0].requireAnswer();
        });
    }

    @Test
    void anOlderAnswerNeverOutlivesClear() throws IOException {
        open(false);
        Races.check(() -> {
            World world = new World();
            world.ask(ON);
            Client[] newer = new Client[1];
            Races.together(() -> world.calls.get(0).answer(0), () -> newer[0] = world.ask(CLEAR));
            Client next = world.ask(ON);
            world.answerAll();
            newer[0].requireAnswer();
            next.requireAnswer();
            require(next.text().contains("\"n\":1"), "the older answer is still served");
        });
    }

    /**
     * Followers of a document get it before the upstream's thread has left the flight, and the last follower frees the
     * kept bytes. The upstream's thread must not read those bytes afterwards: it would get an exception.
     */
    @Test
    void theLastFollowerLeavesWhileTheUpstreamsThreadEnds() throws IOException {
        open(false);
        CacheRequest document = chat("{\"messages\":[]}");
        CacheKey documentKey = cache.key(document).orElseThrow();
        byte[] answer = utf8("{\"id\":\"chatcmpl-1\",\"choices\":[{\"finish_reason\":\"stop\"}]}");
        Races.check(() -> {
            cache.remove(documentKey);
            ResponseSink[] call = new ResponseSink[1];
            cache.respond(document, ON, sink -> begun(call, sink), new Client());
            SlowClient follower = new SlowClient();
            cache.respond(document, ON, sink -> begun(new ResponseSink[1], sink), follower);
            call[0].head(new ResponseHead(200, "application/json", null, -1, "gen-source", null, Map.of()));
            call[0].chunk(ByteBuffer.wrap(answer));
            Races.together(call[0]::end, follower::takeAll);
            require(follower.ended && follower.failure == null, "the follower has no end");
            require(cache.admin().joinableFlights() == 0, "a flight is left");
        });
    }

    private static Upstream.Call begun(ResponseSink[] call, ResponseSink sink) {
        call[0] = sink;
        return Upstream.Call.UNSTOPPABLE;
    }

    /** Reads on another thread. */
    @SuppressWarnings("ThreadPriorityCheck") // as in Races
    private static final class SlowClient extends RecordingSink {
        private volatile Runnable waiting;

        @Override
        public void whenDrained(Runnable action) {
            waiting = action;
        }

        void takeAll() {
            while (waiting == null) {
                Thread.yield();
            }
            int shift = ThreadLocalRandom.current().nextInt(100);
            for (int i = 0; i < shift; i++) {
                Thread.onSpinWait();
            }
            waiting.run();
        }
    }
}
