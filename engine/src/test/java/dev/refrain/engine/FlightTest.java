package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rules W28 and W29, one step at a time on one thread. Long, since steps can come in many orders. */
class FlightTest {
    private static final String STREAM_REQUEST = "{\"stream\":true,\"messages\":[]}";
    private static final String EVENT = "data: {\"id\":\"chatcmpl-1\",\"created\":17,\"n\":%d,\"usage\":{\"t\":4}}\n\n";
    private static final String DONE = "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    private static final int LIMIT = 64 * 1024;

    @TempDir
    Path folder;

    private ResponseCache cache;

    /** One upstream call. The test plays the provider. */
    static final class Call implements Upstream.Call {
        final ResponseSink sink;
        boolean cancelled;

        Call(ResponseSink sink) {
            this.sink = sink;
        }

        Call begin(int status, String contentType) {
            sink.head(new ResponseHead(status, contentType, null, -1, "gen-source", null, Map.of()));
            return this;
        }

        Call send(String text) {
            sink.chunk(ByteBuffer.wrap(utf8(text)));
            return this;
        }

        @Override
        public void cancel() {
            cancelled = true;
            sink.fail(new IOException("cancelled"));
        }
    }

    private final List<Call> calls = new ArrayList<>();
    private final Upstream upstream = sink -> {
        Call call = new Call(sink);
        calls.add(call);
        return call;
    };

    /** A client that reads only when the test says so, or leaves. */
    static class SlowSink extends RecordingSink {
        Runnable waiting;
        Runnable goneListener = () -> {};

        @Override
        public void whenDrained(Runnable action) {
            waiting = action;
        }

        @Override
        public void whenGone(Runnable action) {
            goneListener = action;
        }

        void take() {
            Runnable action = waiting;
            waiting = null;
            action.run();
        }
    }

    /** A client that leaves: for certain, or apparently, by closing its side of the connection. */
    static final class LeavingSink extends RecordingSink {
        private Runnable listener = () -> {};
        private boolean left;

        @Override
        public void whenGone(Runnable action) {
            listener = action;
        }

        @Override
        public boolean hasReader() {
            return !left;
        }

        void leave(boolean unsure) {
            left = true;
            if (!unsure) {
                listener.run();
            }
        }
    }

    private final AtomicLong ticks = new AtomicLong(Long.MAX_VALUE - 1_000);
    private final MovableClock clock = new MovableClock();

    @BeforeEach
    void open() throws IOException {
        open(false);
    }

    private void open(boolean cancel) throws IOException {
        if (cache != null) {
            cache.close();
        }
        cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .maxAnswerBytes(LIMIT)
                .cancelWhenAbandoned(cancel)
                .clock(clock)
                .ticker(ticks::get)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private <T extends ResponseSink> T request(String body, T client) {
        cache.respond(chat(body), CacheControls.on(Duration.ofMinutes(5)), upstream, client);
        return client;
    }

    private RecordingSink request(String body) {
        return request(body, new RecordingSink());
    }

    private static String event(int n) {
        return EVENT.formatted(n);
    }

    private static String replay(RecordingSink client, String sent) {
        String text = client.text();
        int created = text.indexOf("\"created\":") + "\"created\":".length();
        return sent.replace("chatcmpl-1", client.head.generationId())
                .replace("\"created\":17", "\"created\":" + text.substring(created, created + 10))
                .replace("\"t\":4", "\"t\":0");
    }

    @Test
    void w28_aFollowerGetsWhatHasArrivedAndThenTheLiveTail() {
        RecordingSink leader = request(STREAM_REQUEST);
        calls.get(0).begin(200, "text/event-stream").send(event(1) + event(2).substring(0, 10));
        RecordingSink follower = request(STREAM_REQUEST);
        assertThat(follower.text()).isEqualTo(replay(follower, event(1)));
        calls.get(0).send(event(2).substring(10));
        assertThat(follower.text()).isEqualTo(replay(follower, event(1) + event(2)));
        RecordingSink late = request(STREAM_REQUEST);
        ticks.addAndGet(TimeUnit.MILLISECONDS.toNanos(250));
        clock.advance(Duration.ofHours(-1));
        calls.get(0).send(DONE).sink.end();

        String sent = event(1) + event(2) + DONE;
        assertThat(leader.text()).isEqualTo(sent);
        assertThat(follower.text()).isEqualTo(replay(follower, sent));
        assertThat(late.text()).isEqualTo(replay(late, sent));
        assertThat(late.ended && follower.ended && leader.ended).isTrue();
        assertThat(follower.head.cache()).isInstanceOfSatisfying(CacheOutcome.Collapsed.class, collapsed -> {
            assertThat(collapsed.ttlSeconds()).isEqualTo(300);
            assertThat(collapsed.sourceId()).isEqualTo("gen-source");
            assertThat(collapsed.reason()).isEqualTo(ForwardReason.MISS);
            assertThat(collapsed.savings().get().fetchMillis()).isEqualTo(250);
        });
        assertThat(follower.head.generationId())
                .isNotEqualTo(late.head.generationId())
                .startsWith("gen-");
        assertThat(calls).hasSize(1);
        assertThat(request(STREAM_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        assertThat(cache.admin().stats().collapsed()).isEqualTo(2);
    }

    @Test
    void w28_followersOfADocumentGetItWhenItIsWhole() {
        RecordingSink leader = request(CHAT_REQUEST);
        calls.get(0).begin(200, "application/json").send(CHAT_ANSWER.substring(0, 50));
        RecordingSink follower = request(CHAT_REQUEST);
        assertThat(follower.head).isNull();
        calls.get(0).send(CHAT_ANSWER.substring(50)).sink.end();
        assertThat(leader.text()).isEqualTo(CHAT_ANSWER);
        assertThat(follower.text()).contains(follower.head.generationId()).contains("\"total_tokens\":0");
        assertThat(follower.head.contentLength()).isEqualTo(follower.body.size());
        assertThat(follower.ended).isTrue();
        assertThat(calls).hasSize(1);
    }

    @Test
    void w28_aFailureBeforeAByteMakesOneNewCallForAllFollowers() {
        RecordingSink leader = request(STREAM_REQUEST);
        List<RecordingSink> followers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            followers.add(request(STREAM_REQUEST));
        }
        calls.get(0).sink.fail(new IOException("reset"));
        assertThat(leader.failure).hasMessage("reset");
        assertThat(calls).hasSize(2);
        calls.get(1).begin(200, "text/event-stream").send(event(1) + DONE).sink.end();
        assertThat(followers).allSatisfy(follower -> assertThat(follower.ended).isTrue());
        assertThat(followers.get(0).head.cache()).isInstanceOf(CacheOutcome.Miss.class);
        assertThat(followers.get(19).head.cache()).isInstanceOf(CacheOutcome.Collapsed.class);
        assertThat(calls).hasSize(2);
    }

    @Test
    void w28_aBrokenProviderIsCalledABoundedNumberOfTimes() {
        request(CHAT_REQUEST);
        List<RecordingSink> followers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            followers.add(request(CHAT_REQUEST));
        }
        for (int i = 0; i < calls.size(); i++) {
            calls.get(i)
                    .begin(503, "application/json")
                    .send("{\"error\":" + i + "}")
                    .sink
                    .end();
        }
        assertThat(calls).hasSize(3);
        assertThat(followers).allSatisfy(follower -> {
            assertThat(follower.ended).isTrue();
            assertThat(follower.head.status()).isEqualTo(503);
            assertThat(follower.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false));
        });
        assertThat(followers.stream()
                        .map(follower -> follower.head.generationId())
                        .distinct())
                .hasSizeGreaterThan(48);
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 402, 403, 404, 413, 422, 429, 499})
    void w28b_f14_aClientErrorIsTheAnswerForAllWaiters(int status) {
        RecordingSink leader = request(CHAT_REQUEST);
        List<RecordingSink> followers = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            followers.add(request(CHAT_REQUEST));
        }
        Map<String, List<String>> fields = Map.of("Retry-After", List.of("9"));
        String error = "{\"error\":{}}" + " ".repeat(LIMIT - 20);
        ResponseSink provider = calls.get(0).sink;
        provider.head(new ResponseHead(status, "application/json", "br", -1, "gen-source", null, fields));
        calls.get(0).send(error).sink.end();
        assertThat(calls).hasSize(1);
        assertThat(leader.text()).isEqualTo(error);
        assertThat(followers).allSatisfy(follower -> {
            assertThat(follower.ended).isTrue();
            assertThat(follower.head.status()).isEqualTo(status);
            assertThat(follower.head.fields()).isEqualTo(fields);
            assertThat(follower.head.contentEncoding()).isEqualTo("br");
            assertThat(follower.text()).isEqualTo(error);
            assertThat(follower.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false));
        });
        assertThat(followers.stream().map(f -> f.head.generationId()).distinct())
                .hasSize(7)
                .doesNotContain("gen-source");
    }

    @ParameterizedTest
    @ValueSource(ints = {408, 409, 425})
    void w28b_anErrorThatBlamesTheConnectionIsTriedAgain(int status) {
        request(CHAT_REQUEST);
        RecordingSink follower = request(CHAT_REQUEST);
        calls.get(0).begin(status, "application/json").send("{}").sink.end();
        assertThat(calls).hasSize(2);
        calls.get(1).begin(200, "application/json").send(CHAT_ANSWER).sink.end();
        assertThat(follower.text()).isEqualTo(CHAT_ANSWER);
    }

    @Test
    void w28b_aClientErrorThatIsLongerThanAnyStoredAnswerIsFetchedByEach() {
        request(CHAT_REQUEST);
        RecordingSink follower = request(CHAT_REQUEST);
        calls.get(0).begin(400, "text/html").send("x".repeat(LIMIT + 1));
        assertThat(calls).hasSize(2);
        calls.get(1).begin(400, "text/html").send("y").sink.end();
        assertThat(follower.text()).isEqualTo("y");
    }

    @Test
    void w28b_aClientErrorThatIsCutIsAFailure() {
        request(CHAT_REQUEST);
        RecordingSink follower = request(CHAT_REQUEST);
        calls.get(0).begin(429, "application/json").send("{").sink.fail(new IOException("reset"));
        assertThat(calls).hasSize(2);
        assertThat(follower.head).isNull();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void w28b_nobodyJoinsASilentCallThatAllHaveLeft(boolean unsure) {
        LeavingSink leader = request(STREAM_REQUEST, new LeavingSink());
        LeavingSink follower = request(STREAM_REQUEST, new LeavingSink());
        calls.get(0).begin(200, "text/event-stream");
        leader.leave(unsure);
        follower.leave(unsure);
        ticks.addAndGet(TimeUnit.MILLISECONDS.toNanos(1999));
        LeavingSink early = request(STREAM_REQUEST, new LeavingSink());
        assertThat(calls).hasSize(1);
        ticks.addAndGet(TimeUnit.SECONDS.toNanos(3));
        // A client is still waiting, so the call can be joined.
        RecordingSink patient = request(STREAM_REQUEST);
        assertThat(calls).hasSize(1);
        calls.get(0).send(event(1));
        assertThat(patient.text()).isEqualTo(replay(patient, event(1)));
        assertThat(early.text()).isEqualTo(replay(early, event(1)));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void f13_aRetryMakesACallOfItsOwnAndTheOldOneMayStillBeStored(boolean unsure) {
        LeavingSink leader = request(STREAM_REQUEST, new LeavingSink());
        leader.leave(unsure);
        ticks.addAndGet(TimeUnit.SECONDS.toNanos(2));
        RecordingSink retry = request(STREAM_REQUEST);
        RecordingSink second = request(STREAM_REQUEST);
        assertThat(calls).hasSize(2);
        assertThat(calls.get(0).cancelled).isFalse();
        assertThat(cache.admin().joinableFlights()).isEqualTo(1);
        calls.get(0).begin(200, "text/event-stream").send(event(1) + DONE).sink.end();
        assertThat(request(STREAM_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
        calls.get(1).begin(200, "text/event-stream").send(event(2) + DONE).sink.end();
        assertThat(retry.text()).isEqualTo(event(2) + DONE);
        assertThat(second.text()).isEqualTo(replay(second, event(2) + DONE));
    }

    @Test
    void f13_aRetryThatIsNotToBeStoredMakesACallOfItsOwnToo() {
        request(STREAM_REQUEST, new LeavingSink()).leave(false);
        ticks.addAndGet(TimeUnit.SECONDS.toNanos(2));
        CacheControls noStore = CacheControls.on(Duration.ofMinutes(5))
                .with(new CacheDirectives(false, true, CacheDirectives.ANY_AGE, false, 0));
        RecordingSink retry = new RecordingSink();
        cache.respond(chat(STREAM_REQUEST), noStore, upstream, retry);
        assertThat(calls).hasSize(2);
        assertThat(cache.admin().joinableFlights()).isZero();
    }

    @Test
    void f13_aCallThatWaitedForItsLeaderWasNotSilent() {
        SlowSink leader = request(STREAM_REQUEST, new SlowSink());
        calls.get(0).begin(200, "text/event-stream").send(event(1));
        calls.get(0).sink.whenDrained(() -> {});
        ticks.addAndGet(TimeUnit.SECONDS.toNanos(5));
        leader.goneListener.run();
        request(STREAM_REQUEST);
        assertThat(calls).hasSize(1);
    }

    @Test
    void w28_aFailureAfterBytesCutsTheStreamForAll() {
        RecordingSink leader = request(STREAM_REQUEST);
        RecordingSink follower = request(STREAM_REQUEST);
        calls.get(0).begin(200, "text/event-stream").send(event(1)).sink.fail(new IOException("reset"));
        assertThat(leader.failure).hasMessage("reset");
        assertThat(follower.failure).hasMessage("reset");
        assertThat(follower.ended).isFalse();
        assertThat(follower.text()).isEqualTo(replay(follower, event(1)));
        assertThat(calls).hasSize(1);
    }

    @Test
    void aStreamWithoutItsTerminalEventIsCutForFollowers() {
        RecordingSink leader = request(STREAM_REQUEST);
        RecordingSink follower = request(STREAM_REQUEST);
        calls.get(0).begin(200, "text/event-stream").send(event(1)).sink.end();
        assertThat(leader.ended).isTrue();
        assertThat(follower.ended).isFalse();
        assertThat(follower.failure).isNotNull();
    }

    @Test
    void aSlowFollowerDelaysNobodyAndGetsEverythingInTheEnd() {
        RecordingSink leader = request(STREAM_REQUEST);
        SlowSink slow = request(STREAM_REQUEST, new SlowSink());
        RecordingSink quick = request(STREAM_REQUEST);
        StringBuilder sent = new StringBuilder();
        calls.get(0).begin(200, "text/event-stream");
        for (int i = 0; i < 100; i++) {
            sent.append(event(i));
            calls.get(0).send(event(i));
        }
        calls.get(0).send(DONE).sink.end();
        sent.append(DONE);
        assertThat(leader.ended && quick.ended).isTrue();
        assertThat(slow.text()).isEqualTo(replay(slow, event(0)));
        while (slow.waiting != null) {
            slow.take();
        }
        assertThat(slow.text()).isEqualTo(replay(slow, sent.toString()));
        assertThat(slow.ended).isTrue();
    }

    @Test
    void aSlowLeaderDelaysTheCallOnlyWhileItIsAlone() {
        SlowSink leader = request(STREAM_REQUEST, new SlowSink());
        calls.get(0).begin(200, "text/event-stream").send(event(1));
        boolean[] wanted = {false};
        calls.get(0).sink.whenDrained(() -> wanted[0] = true);
        assertThat(wanted[0]).isFalse();
        request(STREAM_REQUEST);
        assertThat(wanted[0]).isTrue();
        wanted[0] = false;
        calls.get(0).send(event(2)).sink.whenDrained(() -> wanted[0] = true);
        assertThat(wanted[0]).isTrue();
        assertThat(leader.text()).isEqualTo(event(1) + event(2));
    }

    @Test
    void w29_aLeaderThatGoesLeavesTheAnswerToTheOthersAndToTheStore() {
        SlowSink leader = request(STREAM_REQUEST, new SlowSink());
        RecordingSink follower = request(STREAM_REQUEST);
        calls.get(0).begin(200, "text/event-stream").send(event(1));
        leader.goneListener.run();
        calls.get(0).send(DONE).sink.end();
        assertThat(calls.get(0).cancelled).isFalse();
        assertThat(follower.text()).isEqualTo(replay(follower, event(1) + DONE));
        assertThat(request(STREAM_REQUEST).head.cache()).isInstanceOf(CacheOutcome.Hit.class);
    }

    @Test
    void w29_anAbandonedCallIsFinishedUnlessToldOtherwise() throws IOException {
        request(STREAM_REQUEST, new SlowSink()).goneListener.run();
        assertThat(calls.get(0).cancelled).isFalse();
        open(true);
        SlowSink leader = request(STREAM_REQUEST, new SlowSink());
        SlowSink follower = request(STREAM_REQUEST, new SlowSink());
        leader.goneListener.run();
        assertThat(calls.get(1).cancelled).isFalse();
        follower.goneListener.run();
        assertThat(calls.get(1).cancelled).isTrue();
        request(STREAM_REQUEST);
        assertThat(calls).hasSize(3);
    }

    @Test
    void w29_lateEventsOfAnAbandonedCallAreNoFailureOfTheCache() throws IOException {
        open(true);
        SlowSink leader = request(STREAM_REQUEST, new SlowSink());
        calls.get(0).begin(200, "text/event-stream").send(event(1));
        leader.goneListener.run();
        calls.get(0).send(event(2).repeat(1000) + DONE).sink.end();
        assertThat(cache.admin().stats().failures()).isZero();
        assertThat(cache.admin().stats().stores()).isZero();
        assertThat(cache.admin().memory().usedBytes()).isZero();
    }

    @Test
    void aLeaderThatTriesAgainAtOnceDoesNotMeetItsFailedCall() {
        RecordingSink retry = new RecordingSink();
        request(STREAM_REQUEST, new RecordingSink() {
            @Override
            public void fail(Throwable cause) {
                request(STREAM_REQUEST, retry);
            }
        });
        calls.get(0).begin(200, "text/event-stream").send(event(1)).sink.fail(new IOException("reset"));
        assertThat(calls).hasSize(2);
        calls.get(1).begin(200, "text/event-stream").send(event(2) + DONE).sink.end();
        assertThat(retry.text()).isEqualTo(event(2) + DONE);
    }

    @Test
    void clearStartsANewCallAndTheNewerAnswerIsStoredLast() {
        RecordingSink older = request(STREAM_REQUEST);
        RecordingSink newer = new RecordingSink();
        cache.respond(chat(STREAM_REQUEST), new CacheControls(true, Duration.ofMinutes(5), true), upstream, newer);
        assertThat(calls).hasSize(2);
        RecordingSink follower = request(STREAM_REQUEST);
        calls.get(1).begin(200, "text/event-stream").send(event(2) + DONE).sink.end();
        calls.get(0).begin(200, "text/event-stream").send(event(1) + DONE).sink.end();
        assertThat(older.text()).isEqualTo(event(1) + DONE);
        assertThat(follower.text()).isEqualTo(replay(follower, event(2) + DONE));
        assertThat(request(STREAM_REQUEST).text()).contains("\"n\":2");
    }

    @Test
    void aStreamOverTheLimitIsNotJoinableButGoesOnForThoseOnIt() {
        RecordingSink leader = request(STREAM_REQUEST);
        RecordingSink follower = request(STREAM_REQUEST);
        SlowSink stalled = request(STREAM_REQUEST, new SlowSink());
        calls.get(0).begin(200, "text/event-stream");
        StringBuilder sent = new StringBuilder();
        for (int i = 0; sent.length() < 4 * LIMIT; i++) {
            sent.append(event(i));
            calls.get(0).send(event(i));
        }
        request(STREAM_REQUEST);
        assertThat(calls).hasSize(2);
        calls.get(0).send(DONE).sink.end();
        sent.append(DONE);
        assertThat(leader.text()).isEqualTo(sent.toString());
        assertThat(follower.text()).isEqualTo(replay(follower, sent.toString()));
        assertThat(follower.ended).isTrue();
        stalled.take();
        assertThat(stalled.failure).isNotNull();
        assertThat(stalled.ended).isFalse();
    }
}
