package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.FlightTest.Call;
import dev.refrain.engine.FlightTest.SlowSink;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.ids.IdFormat;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What goes wrong in one part of a flight stays there: sinks, upstreams and stores that throw, call back or come in odd
 * orders. Long, since each part may fail at each step.
 */
class FlightFaultsTest {
    private static final String STREAM_REQUEST = "{\"stream\":true,\"messages\":[]}";
    private static final String EVENT = "data: {\"n\":1}\n\n";
    private static final String DONE = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final int LIMIT = 96 * 1024;

    private static final class Fault extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** A sink that throws in the given method. */
    private static final class FaultySink extends RecordingSink {
        private final String where;

        FaultySink(String where) {
            this.where = where;
        }

        private void throwIf(String here) {
            if (where.equals(here)) {
                throw new Fault();
            }
        }

        @Override
        public void head(ResponseHead answer) {
            throwIf("head");
            super.head(answer);
        }

        @Override
        public void chunk(ByteBuffer bytes) {
            throwIf("chunk");
            super.chunk(bytes);
        }

        @Override
        public void end() {
            throwIf("end");
            super.end();
        }

        @Override
        public void fail(Throwable cause) {
            super.fail(cause);
            throwIf("fail");
        }

        @Override
        public void whenDrained(Runnable action) {
            throwIf("whenDrained");
            super.whenDrained(action);
        }

        @Override
        public void whenGone(Runnable action) {
            throwIf("whenGone");
            super.whenGone(action);
        }
    }

    /** A store that runs a hook, once, just before it puts or removes. */
    private static final class HookedStore extends ForwardingStore {
        Runnable beforePut = () -> {};
        Runnable afterRemove = () -> {};

        @Override
        public boolean put(byte[] key, EntryBuffer entry) {
            Runnable hook = beforePut;
            beforePut = () -> {};
            hook.run();
            return super.put(key, entry);
        }

        @Override
        public boolean remove(byte[] key) {
            boolean removed = super.remove(key);
            Runnable hook = afterRemove;
            afterRemove = () -> {};
            hook.run();
            return removed;
        }
    }

    private final HookedStore store = new HookedStore();
    private final List<Call> calls = new ArrayList<>();
    private final Upstream upstream = sink -> {
        Call call = new Call(sink);
        calls.add(call);
        return call;
    };

    private ResponseCache cache;
    /** Whether the JVM reports a fault of a mapped file late: at the next call of {@link #nanos}. */
    private boolean faultsLate;

    @BeforeEach
    void open() throws IOException {
        open(false);
    }

    private void open(boolean cancel) throws IOException {
        cache = ResponseCache.builder(Path.of("unused"))
                .store(store)
                .maxAnswerBytes(LIMIT)
                .ticker(this::nanos)
                .cancelWhenAbandoned(cancel)
                .open();
    }

    private long nanos() {
        if (faultsLate) {
            faultsLate = false;
            throw new InternalError("a fault occurred in a recent unsafe memory access operation");
        }
        return System.nanoTime();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private <T extends ResponseSink> T request(String body, T client) {
        cache.respond(chat(body), CacheControls.on(TTL), upstream, client);
        return client;
    }

    private <T extends ResponseSink> T stream(T client) {
        return request(STREAM_REQUEST, client);
    }

    private RecordingSink stream() {
        return stream(new RecordingSink());
    }

    private RecordingSink clear() {
        RecordingSink client = new RecordingSink();
        cache.respond(chat(STREAM_REQUEST), new CacheControls(true, TTL, true), upstream, client);
        return client;
    }

    private Call begin(int call) {
        return calls.get(call).begin(200, "text/event-stream");
    }

    // ---- faulty sinks

    @Test
    void aLeaderThatThrowsHarmsNobodyElse() {
        for (String where : List.of("head", "chunk", "end", "whenDrained", "whenGone")) {
            calls.clear();
            FaultySink leader = stream(new FaultySink(where));
            RecordingSink follower = stream();
            begin(0).send(EVENT);
            boolean[] goesOn = {false};
            calls.get(0).sink.whenDrained(() -> goesOn[0] = true);
            calls.get(0).send(DONE).sink.end();
            assertThat(goesOn).as(where).containsExactly(true);
            assertThat(follower.ended).as(where).isTrue();
            assertThat(leader.ended).as(where).isFalse();
            assertThat(stream().head.cache()).as(where).isInstanceOf(CacheOutcome.Hit.class);
            assertThat(calls).as(where).hasSize(1);
            assertThat(leader.failure).as(where).isInstanceOf(Fault.class);
            cache.remove(cache.key(chat(STREAM_REQUEST)).orElseThrow());
        }
    }

    @Test
    void aFollowerThatThrowsHarmsNobodyElse() {
        for (String where : List.of("head", "chunk", "end", "whenDrained", "whenGone")) {
            calls.clear();
            RecordingSink leader = stream();
            FaultySink faulty = stream(new FaultySink(where));
            RecordingSink follower = stream();
            begin(0).send(EVENT).send(DONE).sink.end();
            assertThat(leader.ended && follower.ended).as(where).isTrue();
            assertThat(faulty.ended).as(where).isFalse();
            assertThat(calls).as(where).hasSize(1);
            cache.remove(cache.key(chat(STREAM_REQUEST)).orElseThrow());
        }
    }

    @Test
    void aSinkThatThrowsOnFailureHidesItFromNoOther() {
        stream(new FaultySink("fail"));
        RecordingSink leader = stream(new FaultySink("fail"));
        RecordingSink follower = stream();
        calls.get(0).sink.fail(new IOException("reset"));
        calls.get(1).sink.fail(new IOException("again"));
        assertThat(leader.failure).hasMessage("again");
        begin(2).send(EVENT + DONE).sink.end();
        assertThat(follower.ended).isTrue();
    }

    @Test
    void aFollowerSignsOffFromItsOldCallBeforeItListensForTheNewOne() throws IOException {
        open(true);
        stream(new SlowSink());
        // The first call fails between this follower's joining and its listening.
        SlowSink follower = stream(new SlowSink() {
            private boolean failed;

            @Override
            public void whenGone(Runnable action) {
                if (!failed) {
                    failed = true;
                    calls.get(0).sink.fail(new IOException("reset"));
                }
                super.whenGone(action);
            }
        });
        assertThat(calls).hasSize(2);
        follower.goneListener.run();
        assertThat(calls.get(1).cancelled).isTrue();
    }

    @Test
    void aStalledFollowerIsCutAsSoonAsItLagsTooMuch() {
        stream();
        SlowSink stalled = stream(new SlowSink());
        begin(0);
        for (int i = 0; i < 3 * LIMIT / EVENT.length(); i++) {
            calls.get(0).send(EVENT);
        }
        assertThat(stalled.failure).hasMessageContaining("lags");
        stalled.take();
        assertThat(stalled.text()).isEqualTo(EVENT);
    }

    @Test
    void aStalledFollowerOfAStreamThatIsKeptForTheStoreIsNotCut() {
        stream();
        SlowSink stalled = stream(new SlowSink());
        begin(0);
        // Shortest possible events with an id, so that the new ids make the replay longer than the limit.
        String event = "data: {\"id\":\"\"}\n\n";
        int events = (LIMIT - DONE.length()) / event.length();
        for (int i = 0; i < events; i++) {
            calls.get(0).send(event);
        }
        calls.get(0).send(DONE).sink.end();
        while (stalled.waiting != null) {
            stalled.take();
        }
        assertThat(stalled.ended).isTrue();
        assertThat(stalled.body.size()).isEqualTo(events * (event.length() + IdFormat.LENGTH) + DONE.length());
    }

    // ---- faulty upstreams

    @Test
    void anUpstreamThatThrowsFailsItsRequestAndLeavesNothingBehind() {
        Upstream broken = sink -> {
            throw new Fault();
        };
        RecordingSink client = new RecordingSink();
        cache.respond(chat(STREAM_REQUEST), CacheControls.on(TTL), broken, client);
        assertThat(client.failure).isInstanceOf(Fault.class);
        RecordingSink uncached = new RecordingSink();
        cache.respond(chat(STREAM_REQUEST), CacheControls.OFF, broken, uncached);
        assertThat(uncached.failure).isInstanceOf(Fault.class);
        RecordingSink next = stream();
        begin(0).send(EVENT + DONE).sink.end();
        assertThat(next.ended).isTrue();
    }

    @Test
    void anUpstreamThatThrowsForAFollowerDoesNotKeepOthersFromTheirs() {
        stream();
        RecordingSink unlucky = new RecordingSink();
        cache.respond(
                chat(STREAM_REQUEST),
                CacheControls.on(TTL),
                sink -> {
                    throw new Fault();
                },
                unlucky);
        RecordingSink lucky = stream();
        calls.get(0).sink.fail(new IOException("reset"));
        assertThat(unlucky.failure).isInstanceOf(Fault.class);
        begin(1).send(EVENT + DONE).sink.end();
        assertThat(lucky.ended).isTrue();
    }

    @Test
    void anUpstreamThatThrowsOnResumingFailsTheFlight() {
        SlowSink leader = stream(new SlowSink());
        begin(0).send(EVENT).sink.whenDrained(() -> {
            throw new Fault();
        });
        RecordingSink follower = stream();
        assertThat(leader.failure).isNotNull();
        assertThat(follower.failure).isNotNull();
        stream();
        assertThat(calls).hasSize(2);
    }

    @Test
    void whatAnUpstreamSendsAfterTheEndIsIgnored() {
        RecordingSink leader = stream();
        RecordingSink follower = stream();
        begin(0).send(EVENT + DONE).sink.end();
        calls.get(0).send(EVENT).sink.fail(new IOException("late"));
        calls.get(0).sink.end();
        assertThat(leader.text()).isEqualTo(EVENT + DONE);
        assertThat(follower.text()).isEqualTo(EVENT + DONE);
        assertThat(leader.failure).isNull();
    }

    @Test
    void anUpstreamCannotTakeTheLeadersListener() throws IOException {
        open(true);
        SlowSink leader = stream(new SlowSink());
        calls.get(0).sink.whenGone(() -> {});
        leader.goneListener.run();
        assertThat(calls.get(0).cancelled).isTrue();
    }

    @Test
    void aCallIsNotMadeForALeaderThatHasGone() throws IOException {
        open(true);
        stream(new RecordingSink() {
            @Override
            public void whenGone(Runnable action) {
                action.run();
            }
        });
        assertThat(calls).isEmpty();
        stream();
        assertThat(calls).hasSize(1);
    }

    @Test
    void anUpstreamMayAnswerBeforeItReturnsTheCall() {
        RecordingSink client = new RecordingSink();
        cache.respond(
                chat(STREAM_REQUEST),
                CacheControls.on(TTL),
                sink -> {
                    Call call = new Call(sink).begin(200, "text/event-stream").send(EVENT + DONE);
                    sink.end();
                    return call;
                },
                client);
        assertThat(client.ended).isTrue();
        assertThat(stream().head.cache()).isInstanceOf(CacheOutcome.Hit.class);
    }

    @Test
    void aSinkMayAskAgainFromWithinItsAnswer() {
        List<RecordingSink> again = new ArrayList<>();
        RecordingSink leader = new RecordingSink();
        leader.beforeChunk = () -> again.add(stream());
        stream(leader);
        begin(0).send(EVENT).send(DONE).sink.end();
        assertThat(again).hasSize(2).allSatisfy(client -> {
            assertThat(client.ended).isTrue();
            assertThat(client.text()).isEqualTo(EVENT + DONE);
        });
        assertThat(calls).hasSize(1);
    }

    // ---- answers that cannot be shared

    @Test
    void followersOfAnAnswerThatIsNotToBeStoredMakeCallsOfTheirOwnAtOnce() {
        RecordingSink leader = request(CHAT_REQUEST, new RecordingSink());
        List<RecordingSink> followers = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            followers.add(request(CHAT_REQUEST, new RecordingSink()));
        }
        calls.get(0)
                .sink
                .head(new ResponseHead(200, "application/json", null, LIMIT + 1, "gen-source", null, Map.of()));
        assertThat(calls).hasSize(6);
        String answer = CHAT_ANSWER + " ".repeat(LIMIT + 1 - CHAT_ANSWER.length());
        for (Call call : calls.subList(1, 6)) {
            call.begin(200, "application/json").send(answer).sink.end();
        }
        calls.get(0).send(answer).sink.end();
        assertThat(leader.text()).isEqualTo(answer);
        assertThat(followers).allSatisfy(follower -> assertThat(follower.text()).isEqualTo(answer));
        assertThat(calls).hasSize(6);
    }

    /** If its length is announced, the answer is recognised as an error before it ends. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aSuccessThatHoldsAnErrorIsSharedLikeAFailure(boolean announced) {
        String error = "{\"error\":{\"code\":429}}";
        request(CHAT_REQUEST, new RecordingSink());
        List<RecordingSink> followers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            followers.add(request(CHAT_REQUEST, new RecordingSink()));
        }
        for (int i = 0; i < calls.size(); i++) {
            Call call = calls.get(i);
            int length = announced ? error.length() : -1;
            call.sink.head(new ResponseHead(200, "application/json", null, length, "gen-source", null, Map.of()));
            call.send(error).sink.end();
        }
        assertThat(calls).hasSize(3);
        assertThat(followers).allSatisfy(follower -> {
            assertThat(follower.ended).isTrue();
            assertThat(follower.text()).isEqualTo(error);
        });
    }

    @Test
    void followersOfAFailureThatGrowsTooLongMakeCallsOfTheirOwnAtOnce() {
        request(STREAM_REQUEST, new RecordingSink());
        request(STREAM_REQUEST, new RecordingSink());
        request(STREAM_REQUEST, new RecordingSink());
        calls.get(0).begin(200, "application/json").send("x".repeat(60_000));
        assertThat(calls).hasSize(1);
        calls.get(0).send("x".repeat(10_000));
        assertThat(calls).hasSize(3);
    }

    @Test
    void aLongErrorIsFetchedByEachRatherThanReplaced() {
        request(CHAT_REQUEST, new RecordingSink());
        RecordingSink follower = request(CHAT_REQUEST, new RecordingSink());
        RecordingSink other = request(CHAT_REQUEST, new RecordingSink());
        String error = "x".repeat(70_000);
        for (int i = 0; i < calls.size(); i++) {
            calls.get(i).begin(500, "text/html").send(error).sink.end();
        }
        assertThat(follower.text()).isEqualTo(error);
        assertThat(other.text()).isEqualTo(error);
        assertThat(calls).hasSize(3);
    }

    // ---- the store's part

    @Test
    void aStoreThatThrowsCostsOnlyTheEntry() {
        for (String body : List.of(STREAM_REQUEST, CHAT_REQUEST)) {
            calls.clear();
            RecordingSink leader = request(body, new RecordingSink());
            RecordingSink follower = request(body, new RecordingSink());
            store.beforePut = () -> {
                throw new Fault();
            };
            boolean document = body.equals(CHAT_REQUEST);
            calls.get(0)
                    .begin(200, document ? "application/json" : "text/event-stream")
                    .send(document ? CHAT_ANSWER : EVENT + DONE)
                    .sink
                    .end();
            assertThat(leader.ended && follower.ended).isTrue();
            assertThat(calls).hasSize(1);
        }
        assertThat(cache.admin().stats().failures()).isEqualTo(2);
    }

    /** As on a full disk under a sparse store: the JVM may raise the error after the store has returned. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aDiskThatFillsUpUnderTheStoreCostsOnlyTheEntry(boolean isLate) {
        for (String body : List.of(STREAM_REQUEST, CHAT_REQUEST)) {
            calls.clear();
            RecordingSink leader = request(body, new RecordingSink());
            RecordingSink follower = request(body, new RecordingSink());
            store.beforePut = () -> {
                faultsLate = true;
                if (!isLate) {
                    nanos();
                }
            };
            boolean document = body.equals(CHAT_REQUEST);
            calls.get(0)
                    .begin(200, document ? "application/json" : "text/event-stream")
                    .send(document ? CHAT_ANSWER : EVENT + DONE)
                    .sink
                    .end();
            assertThat(faultsLate).as(body).isFalse();
            assertThat(leader.ended).as(body).isTrue();
            assertThat(follower.ended || follower.failure != null).as(body).isTrue();
            assertThat(calls).hasSize(1);
        }
    }

    /** An error that the JVM raises anywhere else reaches the client. */
    @Test
    void anErrorAtTheEndCutsTheAnswer() {
        RecordingSink client = new RecordingSink() {
            @Override
            public void end() {
                throw new InternalError("as in the test");
            }
        };
        stream(client);
        begin(0).send(EVENT + DONE).sink.end();
        assertThat(client.failure).isInstanceOf(InternalError.class);
        assertThat(cache.admin().memory().usedBytes()).isZero();
    }

    @Test
    void aStoreThatThrowsOnClearLeavesNoFlightBehind() {
        store.afterRemove = () -> {
            throw new Fault();
        };
        assertThatThrownBy(this::clear).isInstanceOf(Fault.class);
        RecordingSink next = stream();
        begin(0).send(EVENT + DONE).sink.end();
        assertThat(next.ended).isTrue();
    }

    @Test
    void anAnswerThatAnOlderCallStoresDuringClearIsNotServed() {
        stream();
        store.afterRemove = () -> begin(0).send(EVENT + DONE).sink.end();
        clear();
        stream();
        assertThat(calls).hasSize(2);
        assertThat(cache.admin().stats().hits()).isZero();
    }

    @Test
    void anAnswerThatAnOlderCallStoresAfterClearIsNotServed() {
        stream();
        store.beforePut = this::clear;
        begin(0).send(EVENT + DONE).sink.end();
        stream();
        assertThat(calls).hasSize(2);
        assertThat(cache.admin().stats().hits()).isZero();
    }

    @Test
    void aLateFailureOfAnOlderCallDoesNotRemoveTheNewerAnswer() {
        stream();
        begin(0).send(EVENT + DONE);
        clear();
        begin(1).send(EVENT + DONE).sink.end();
        calls.get(0).send("data: {\"error\":{}}\n\n").sink.end();
        assertThat(stream().head.cache()).isInstanceOf(CacheOutcome.Hit.class);
    }
}
