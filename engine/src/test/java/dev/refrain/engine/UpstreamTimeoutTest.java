package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** F21: an upstream that never ends its sink blocks nobody for ever. */
class UpstreamTimeoutTest {
    private static final CacheControls ON = CacheControls.on(Duration.ofMinutes(5));

    private final AtomicInteger cancelled = new AtomicInteger();
    private final List<ResponseSink> sinks = Collections.synchronizedList(new ArrayList<>());
    private final Upstream endless = sink -> {
        sinks.add(sink);
        return cancelled::incrementAndGet;
    };
    private final ResponseCache cache = open(Duration.ofMillis(50));

    private static ResponseCache open(Duration limit) {
        try {
            return ResponseCache.onHeap(1 << 20).upstreamTimeout(limit).open();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private CompletableFuture<WholeAnswer> ask(CacheControls controls, Upstream upstream) {
        return cache.respond(chat(CHAT_REQUEST), controls, upstream).toCompletableFuture();
    }

    private static void assertLate(CompletableFuture<WholeAnswer> answer) {
        assertThatThrownBy(() -> answer.get(20, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .hasRootCauseInstanceOf(TimeoutException.class)
                .hasMessageContaining("did not end its answer within PT0.05S");
    }

    @Test
    void f21_aTimedOutCallIsReleased() throws Exception {
        TimedSink timed = new TimedSink(new RecordingSink(), Duration.ofDays(1));
        Upstream.Call call = timed.start(endless);
        assertThat(timed.isWaiting()).isTrue();
        call.cancel();
        assertThat(cancelled).hasValue(1);
        assertThat(timed.isWaiting()).isFalse();
    }

    @Test
    void f21_allWaitersFailAndTheNextRequestIsAnswered() throws Exception {
        List<CompletableFuture<WholeAnswer>> waiting = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            waiting.add(ask(ON, endless));
        }
        waiting.forEach(UpstreamTimeoutTest::assertLate);
        assertThat(sinks).hasSizeBetween(1, 3);
        awaitCancelled(sinks.size());
        assertThat(cache.admin().joinableFlights()).isZero();
        assertThat(ask(ON, UpstreamTimeoutTest::answer)
                        .get(20, TimeUnit.SECONDS)
                        .length())
                .isEqualTo(CHAT_ANSWER.length());
        // An answer after the limit is ignored.
        answer(sinks.get(0));
        assertThat(cache.admin().stats().stores()).isEqualTo(1);
    }

    @Test
    void f21_callsThatNobodyJoinsEndToo() {
        CacheControls noStore = ON.with(new CacheDirectives(false, true, CacheDirectives.ANY_AGE, false, 0));
        assertLate(ask(noStore, endless));
        GatheringSink bypassed = new GatheringSink();
        cache.pipeline().bypass(BypassReason.NOT_A_JSON_OBJECT, ON, endless, bypassed);
        assertLate(bypassed.future());
    }

    /** An upstream that works on the caller's thread returns its call only when the answer has ended. */
    @Test
    void f21_anUpstreamThatBlocksInFetchHoldsUpNobodyElse() throws Exception {
        CountDownLatch stuck = new CountDownLatch(1);
        CountDownLatch freed = new CountDownLatch(1);
        Thread embedder = new Thread(() -> ask(ON, sink -> {
            stuck.countDown();
            try {
                freed.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return cancelled::incrementAndGet;
        }));
        embedder.start();
        assertThat(stuck.await(20, TimeUnit.SECONDS)).isTrue();
        CompletableFuture<WholeAnswer> follower = ask(ON, UpstreamTimeoutTest::answer);
        assertThat(follower.get(20, TimeUnit.SECONDS).length()).isEqualTo(CHAT_ANSWER.length());
        freed.countDown();
        embedder.join(20_000);
        awaitCancelled(1);
    }

    /** Waits for cancellations: a call is cancelled on the timer's thread, after its waiters have failed. */
    private void awaitCancelled(int calls) {
        until(() -> cancelled.get() >= calls);
        assertThat(cancelled).hasValue(calls);
    }

    /** A default executor would create a thread for each task on a machine with one processor. */
    @Test
    void anAnswerInTimeAsksForNoThread() {
        List<Runnable> asked = Collections.synchronizedList(new ArrayList<>());
        new TimedSink(new RecordingSink(), Duration.ofDays(1), Deadlines.OF_JVM, asked::add)
                .start(UpstreamTimeoutTest::answer);
        new TimedSink(new RecordingSink(), Duration.ofDays(1), Deadlines.OF_JVM, asked::add)
                .start(endless)
                .cancel();
        assertThat(asked).isEmpty();
    }

    @Test
    void anAnswerInTimeIsNotCut() {
        RecordingSink client = new RecordingSink();
        cache.respond(chat(CHAT_REQUEST), ON, UpstreamTimeoutTest::answer, client);
        assertThat(client.ended).isTrue();
        // This request began later, so when its limit passes, the first one's has passed too.
        assertLate(cache.respond(chat("{}"), ON, endless).toCompletableFuture());
        assertThat(client.failure).isNull();
    }

    private static Upstream.Call answer(ResponseSink sink) {
        sink.head(new ResponseHead(200, "application/json", null, -1, "gen-source", null, Map.of()));
        sink.chunk(ByteBuffer.wrap(SampleAnswers.utf8(CHAT_ANSWER)));
        sink.end();
        return Upstream.Call.UNSTOPPABLE;
    }
}
