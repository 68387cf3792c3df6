package dev.refrain.semantics.replay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wire rule W87, with a timer and a ticker that the test controls. */
class PacedSinkTest {
    private static final String HEAD =
            "data: {\"id\":\"c\",\"created\":1,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"";
    private static final List<String> EVENTS = List.of(
            HEAD + "a\"}}]}\n\n",
            HEAD + "b\"}}]}\r\n\r\n",
            HEAD + "c\"},\"finish_reason\":\"stop\"}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"completion_tokens\":8,\"total_tokens\":9}}\n\n",
            "data: [DONE]\n\n");
    private static final long MILLIS = 1_000_000;

    private final Time time = new Time();
    private final MemoryBudget memory = new MemoryBudget(64L << 20);
    private ResponseCache cache;
    private CacheKey key;

    /** A timer and ticker that move when the test says so. */
    private static final class Time implements PacedSink.Timer {
        private record Action(long at, long number, Runnable what) {}

        private final PriorityQueue<Action> waiting =
                new PriorityQueue<>(Comparator.comparing(Action::at).thenComparing(Action::number));

        private long now;
        private long number;

        @Override
        public long nanoTime() {
            return now;
        }

        @Override
        public Runnable after(long nanos, Runnable what) {
            Action action = new Action(now + nanos, number++, what);
            waiting.add(action);
            return () -> waiting.remove(action);
        }

        void pass(long millis) {
            long end = now + millis * MILLIS;
            while (!waiting.isEmpty() && waiting.peek().at() <= end) {
                Action next = waiting.remove();
                now = Math.max(now, next.at());
                next.what().run();
            }
            now = end;
        }
    }

    private static final class Client implements ResponseSink {
        private final List<String> pieces = new ArrayList<>();
        private ResponseHead head;
        private boolean ended;
        private boolean isSlow;
        private Runnable drained;
        private Runnable gone;

        @Override
        public void head(ResponseHead answer) {
            head = answer;
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            pieces.add(StandardCharsets.UTF_8.decode(bytes).toString());
        }

        @Override
        public void end() {
            ended = true;
        }

        @Override
        public void fail(Throwable cause) {
            throw new AssertionError(cause);
        }

        @Override
        public void whenDrained(Runnable action) {
            if (isSlow) {
                drained = action;
            } else {
                action.run();
            }
        }

        @Override
        public void whenGone(Runnable action) {
            gone = action;
        }
    }

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.onHeap(64L << 20)
                .memory(memory)
                .ticker(() -> time.now)
                .recordPace(true)
                .open();
        key = key("{\"model\":\"m\",\"stream\":true}");
    }

    @AfterEach
    void close() {
        cache.close();
        assertThat(memory.usedBytes()).isZero();
    }

    private CacheKey key(String body) {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        return cache.key(CacheRequest.of(Endpoint.CHAT, "key", bytes)).orElseThrow();
    }

    /** Fetches a stream whose events arrive at these intervals, in milliseconds. */
    private void fetch(long... gaps) {
        fetch(key, EVENTS, gaps);
    }

    private void fetch(CacheKey of, List<String> events, long... gaps) {
        Upstream upstream = sink -> {
            sink.head(new ResponseHead(200, "text/event-stream", null, -1, "gen-1", null, Map.of()));
            for (int i = 0; i < events.size(); i++) {
                time.pass(gaps[Math.min(i, gaps.length - 1)]);
                sink.chunk(ByteBuffer.wrap(events.get(i).getBytes(StandardCharsets.UTF_8)));
            }
            sink.end();
            return Upstream.Call.UNSTOPPABLE;
        };
        cache.pipeline().respond(of, CacheControls.on(Duration.ofHours(1)), upstream, new Client());
    }

    private Client ask(String pace) {
        return ask(pace, new Client());
    }

    private Client ask(String pace, Client client) {
        Upstream none = sink -> {
            throw new AssertionError("nothing is fetched");
        };
        ResponseSink sink = PacedSink.of(replay(pace), cache, key, time, client);
        cache.pipeline().respond(key, CacheControls.on(Duration.ofHours(1)), none, sink);
        return client;
    }

    private static String body(Client client) {
        return String.join("", client.pieces).replaceAll("gen-[0-9A-Za-z-]+", "");
    }

    private static Replay replay(String pace) {
        return Replay.of(new OneField(Replay.FIELD, pace));
    }

    @Test
    void w87_recordedPaceIsThatOfTheStream() {
        fetch(100, 40, 1000, 0, 7);
        Client client = ask("recorded");
        assertThat(client.head.contentLength()).isEqualTo(-1);
        assertThat(client.pieces).isEmpty();
        time.pass(93);
        assertThat(client.pieces).isEmpty();
        time.pass(15);
        assertThat(client.pieces).hasSize(1);
        assertThat(client.pieces.get(0)).endsWith("\"a\"}}]}\n\n");
        time.pass(42);
        assertThat(client.pieces).hasSize(2);
        time.pass(900);
        assertThat(client.pieces).hasSize(2);
        time.pass(150);
        assertThat(client.pieces).hasSizeGreaterThanOrEqualTo(3);
        time.pass(20);
        assertThat(client.ended).isTrue();
        assertThat(body(client)).isEqualTo(body(ask("instant")));
    }

    @Test
    void w87_eventsOfOnePieceComeTogether() {
        fetch(key, List.of(EVENTS.get(0) + EVENTS.get(1), EVENTS.get(2) + EVENTS.get(3) + EVENTS.get(4)), 50, 200);
        Client client = ask("recorded");
        time.pass(60);
        assertThat(client.pieces).containsExactly(client.pieces.get(0));
        assertThat(client.pieces.get(0)).contains("\"a\"").contains("\"b\"").doesNotContain("\"c\"");
        time.pass(220);
        assertThat(client.pieces).hasSize(2);
        assertThat(client.ended).isTrue();
    }

    @Test
    void w87_aNumberOfTokensIsSpreadOverTheEvents() {
        fetch(0);
        // Eight tokens, so 400 ms for five events; the first is sent at once.
        Client client = ask("20TPS");
        assertThat(client.pieces).hasSize(1);
        time.pass(79);
        assertThat(client.pieces).hasSize(1);
        time.pass(2);
        assertThat(client.pieces).hasSize(2);
        time.pass(238);
        assertThat(client.ended).isFalse();
        time.pass(2);
        assertThat(client.pieces).hasSize(5);
        assertThat(client.ended).isTrue();
    }

    @Test
    void w87_withoutARecordedPaceTheReplayIsInstant() throws IOException {
        cache.close();
        cache = ResponseCache.onHeap(64L << 20).memory(memory).open();
        key = key("{\"model\":\"m\",\"stream\":true}");
        fetch(100);
        Client client = ask("recorded");
        assertThat(client.ended).isTrue();
        assertThat(client.head.contentLength()).isPositive();
        assertThat(cache.pipeline().pace(key)).isEmpty();
    }

    @Test
    void w87_aPaceThatDoesNotFitTheAnswerIsNotUsed() throws IOException {
        fetch(100);
        List<String> fewer = List.of(EVENTS.get(2), EVENTS.get(4));
        String contents = String.join("", fewer);
        cache.store(key, "text/event-stream", contents.getBytes(StandardCharsets.UTF_8), Duration.ofHours(1));
        assertThat(cache.pipeline().pace(key)).isPresent();
        assertThat(ask("recorded").ended).isTrue();
    }

    /** A paced answer keeps its request and its connection. With enough of them, clients could keep others out. */
    @Test
    void w87_whenMemoryIsShortTheRestComesAtOnce() {
        fetch(0);
        Client client = ask("1tps");
        Client other = ask("1tps");
        assertThat(memory.reserve(memory.limitBytes() / 16 * 9)).isTrue();
        time.pass(1_100);
        assertThat(client.ended).isTrue();
        assertThat(other.ended).isTrue();
        assertThat(body(client)).isEqualTo(body(ask("instant")));
        // A new answer is not paced either.
        assertThat(ask("1tps").ended).isTrue();
        memory.release(memory.limitBytes() / 16 * 9);
    }

    @Test
    void w87_aSlowReaderIsWaitedFor() {
        fetch(100);
        Client client = new Client();
        client.isSlow = true;
        ask("recorded", client);
        time.pass(110);
        client.drained.run();
        time.pass(110);
        assertThat(client.pieces).hasSize(1);
        client.drained.run();
        time.pass(0);
        assertThat(client.pieces).hasSize(2);
        // The reader is late, so everything due is sent at once.
        time.pass(400);
        client.drained.run();
        time.pass(0);
        assertThat(client.pieces).hasSize(3);
        assertThat(client.ended).isTrue();
    }

    @Test
    void w87_aClientThatLeavesLeavesNothingBehind() {
        fetch(100);
        Client client = ask("recorded");
        time.pass(150);
        assertThat(memory.usedBytes()).isPositive();
        client.gone.run();
        assertThat(time.waiting).isEmpty();
        assertThat(memory.usedBytes()).isZero();
        time.pass(1000);
        assertThat(client.pieces).hasSize(1);
    }

    @Test
    void w87_2000AtOnceTakeAnEighthOfTheMemory() {
        List<String> events = new ArrayList<>(EVENTS);
        String long64k = HEAD + "x".repeat(64 * 1024) + "\"}}]}\n\n";
        events.add(0, long64k);
        fetch(key, events, 100);
        List<Client> clients = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            clients.add(ask("recorded"));
        }
        // Some have a timer each. For the others there was no memory, so they got their answers at once.
        long paced = clients.stream().filter(client -> !client.ended).count();
        assertThat(paced).isBetween(100L, 1999L);
        assertThat(time.waiting).hasSize((int) paced);
        assertThat(memory.usedBytes()).isBetween(memory.limitBytes() / 9, memory.limitBytes() / 8);
        time.pass(TimeUnit.SECONDS.toMillis(2));
        assertThat(clients).allMatch(client -> client.ended);
        assertThat(clients)
                .extracting(client -> String.join("", client.pieces).length())
                .containsOnly(String.join("", ask("instant").pieces).length());
    }

    @Test
    void w87_instantReplayNeedsNoWrapper() {
        Client client = new Client();
        assertThat(PacedSink.of(Replay.INSTANT, cache, key, time, client)).isSameAs(client);
        assertThat(PacedSink.of(replay("9tps"), cache, key("{\"model\":\"m\"}"), time, client))
                .isSameAs(client);
    }

    @ParameterizedTest
    @CsvSource({
        "instant, INSTANT, 0",
        "' Instant ', INSTANT, 0",
        "RECORDED, RECORDED, 0",
        "1tps, TOKENS, 1",
        "99999TPS, TOKENS, 99999",
        "100000tps, INVALID, 0",
        "0tps, INVALID, 0",
        "-1tps, INVALID, 0",
        "1.5tps, INVALID, 0",
        "tps, INVALID, 0",
        "30, INVALID, 0",
        "'', INVALID, 0",
        "fast, INVALID, 0"
    })
    void w87_valuesNameAKindAndANumber(String value, Replay.Kind kind, int number) {
        assertThat(replay(value)).isEqualTo(new Replay(kind, number));
    }
}
