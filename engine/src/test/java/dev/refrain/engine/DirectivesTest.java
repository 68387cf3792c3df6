package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wire rule W30, one step at a time on one thread. */
class DirectivesTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final Duration WINDOW = Duration.ofMinutes(1);
    private static final CacheDirectives NO_CACHE = new CacheDirectives(true, false, CacheDirectives.ANY_AGE, false, 0);
    private static final CacheDirectives NO_STORE = new CacheDirectives(false, true, CacheDirectives.ANY_AGE, false, 0);
    private static final CacheDirectives ONLY_IF_CACHED =
            new CacheDirectives(false, false, CacheDirectives.ANY_AGE, true, 0);

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private ResponseCache cache;

    private final List<FlightTest.Call> calls = new ArrayList<>();
    private final Upstream upstream = sink -> {
        FlightTest.Call call = new FlightTest.Call(sink);
        calls.add(call);
        return call;
    };

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .clock(clock)
                .ticker(() -> clock.millis() * 1_000_000)
                .staleIfError(WINDOW)
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private static CacheDirectives maxAge(long seconds) {
        return new CacheDirectives(false, false, seconds, false, 0);
    }

    private static CacheDirectives staleIfError(long seconds) {
        return new CacheDirectives(false, false, CacheDirectives.ANY_AGE, false, seconds);
    }

    private RecordingSink ask(CacheDirectives directives) {
        RecordingSink client = new RecordingSink();
        cache.respond(chat(CHAT_REQUEST), CacheControls.on(TTL).with(directives), upstream, client);
        return client;
    }

    private RecordingSink ask() {
        return ask(CacheDirectives.NONE);
    }

    /** Lets the provider answer the latest call. */
    private void answer(int status, String body) {
        FlightTest.Call call = calls.get(calls.size() - 1);
        call.begin(status, "application/json").send(body).sink.end();
    }

    private void fill(String text) {
        ask();
        answer(200, CHAT_ANSWER.replace("Hello", text));
    }

    @Test
    void noCacheFetchesAndTheOldEntryStaysUntilTheNewOneIsComplete() {
        fill("old");
        RecordingSink fresh = ask(NO_CACHE);
        FlightTest.Call call = calls.get(1).begin(200, "application/json");
        String answer = CHAT_ANSWER.replace("Hello", "new");
        call.send(answer.substring(0, 40));
        RecordingSink meanwhile = new RecordingSink();
        assertThat(cache.pipeline()
                        .respondIfStored(cache.key(chat(CHAT_REQUEST)).orElseThrow(), CacheDirectives.NONE, meanwhile))
                .isTrue();
        assertThat(meanwhile.text()).contains("old");
        call.send(answer.substring(40)).sink.end();

        assertThat(fresh.text()).isEqualTo(answer);
        assertThat(fresh.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false, ForwardReason.REQUEST));
        assertThat(ask().text()).contains("new");
    }

    @Test
    void noCacheKeepsTheOldEntryIfItsCallFails() {
        fill("old");
        RecordingSink fresh = ask(NO_CACHE);
        answer(503, "{\"error\":{}}");
        assertThat(fresh.head.status()).isEqualTo(503);
        assertThat(ask().text()).contains("old");
    }

    @Test
    void noCacheJoinsNoOlderCall() {
        ask();
        ask(NO_CACHE);
        assertThat(calls).hasSize(2);
        answer(200, CHAT_ANSWER.replace("Hello", "newer"));
        calls.get(0)
                .begin(200, "application/json")
                .send(CHAT_ANSWER.replace("Hello", "older"))
                .sink
                .end();
        assertThat(ask().text()).contains("newer");
    }

    @Test
    void noStoreHitsButStoresNothing() {
        RecordingSink miss = ask(NO_STORE);
        answer(200, CHAT_ANSWER);
        assertThat(miss.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false));
        assertThat(miss.text()).isEqualTo(CHAT_ANSWER);
        fill("stored");
        assertThat(calls).hasSize(2);
        assertThat(ask(NO_STORE).text()).contains("stored");
        assertThat(calls).hasSize(2);
    }

    @Test
    void noStoreFollowsACallButIsNotFollowed() {
        RecordingSink alone = ask(NO_STORE);
        RecordingSink leader = ask();
        assertThat(calls).hasSize(2);
        RecordingSink follower = ask(NO_STORE);
        assertThat(calls).hasSize(2);
        calls.get(0)
                .begin(200, "application/json")
                .send(CHAT_ANSWER.replace("Hello", "alone"))
                .sink
                .end();
        answer(200, CHAT_ANSWER);
        assertThat(alone.text()).contains("alone");
        assertThat(leader.text()).isEqualTo(CHAT_ANSWER);
        assertThat(follower.head.cache()).isInstanceOf(CacheOutcome.Collapsed.class);
        assertThat(ask().text()).contains("Hello");
    }

    @Test
    void noStoreAndNoCacheTouchNothing() {
        fill("stored");
        RecordingSink client = ask(new CacheDirectives(true, true, CacheDirectives.ANY_AGE, false, 0));
        answer(200, CHAT_ANSWER);
        assertThat(client.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false, ForwardReason.REQUEST));
        assertThat(ask().text()).contains("stored");
    }

    @Test
    void aHitIsAtMostMaxAgeOld() {
        fill("old");
        clock.advance(Duration.ofSeconds(10));
        assertThat(ask(maxAge(10)).text()).contains("old");
        clock.advance(Duration.ofMillis(1));
        RecordingSink client = ask(maxAge(10));
        answer(200, CHAT_ANSWER.replace("Hello", "new"));
        assertThat(client.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false, ForwardReason.REQUEST));
        assertThat(ask(maxAge(0)).text()).contains("new");
        assertThat(ask(maxAge(CacheDirectives.ANY_AGE)).text()).contains("new");
    }

    @Test
    void onlyIfCachedNeverCalls() {
        RecordingSink miss = ask(ONLY_IF_CACHED);
        assertThat(miss.failure).isInstanceOf(NotCachedException.class);
        fill("stored");
        assertThat(ask(ONLY_IF_CACHED).text()).contains("stored");
        clock.advance(TTL);
        assertThat(ask(ONLY_IF_CACHED).failure).isInstanceOf(NotCachedException.class);
        assertThat(ask(new CacheDirectives(true, false, CacheDirectives.ANY_AGE, true, 0)).failure)
                .isInstanceOf(NotCachedException.class);
        assertThat(calls).hasSize(1);
    }

    @Test
    void onlyIfCachedNeverCallsForAnIneligibleRequest() {
        RecordingSink client = new RecordingSink();
        cache.respond(chat("[]"), CacheControls.on(TTL).with(ONLY_IF_CACHED), upstream, client);
        assertThat(client.failure).isInstanceOf(NotCachedException.class);
        assertThat(calls).isEmpty();
    }

    @Test
    void onlyIfCachedStillClears() {
        fill("stored");
        RecordingSink client = new RecordingSink();
        cache.respond(chat(CHAT_REQUEST), new CacheControls(true, TTL, true, ONLY_IF_CACHED), upstream, client);
        assertThat(client.failure).isInstanceOf(NotCachedException.class);
        ask();
        assertThat(calls).hasSize(2);
    }

    @Test
    void anExpiredEntryStandsInForAFailingUpstream() {
        fill("old");
        clock.advance(TTL.plusSeconds(12));
        RecordingSink client = ask(staleIfError(30));
        answer(503, "{\"error\":{}}");
        assertThat(client.head.status()).isEqualTo(200);
        assertThat(client.text()).contains("old");
        assertThat(client.head.cache())
                .isEqualTo(new CacheOutcome.HitOnError(
                        new CacheOutcome.Hit(312, -12, "gen-source", new Savings(SampleAnswers.CHAT_FACTS, 0)),
                        ForwardReason.STALE,
                        503));
        assertThat(client.ended).isTrue();
        assertThat(cache.admin().stats().hitsOnError()).isEqualTo(1);

        RecordingSink refused = ask(staleIfError(30));
        calls.get(calls.size() - 1).sink.fail(new IOException("refused"));
        assertThat(refused.text()).contains("old");
        assertThat(refused.head.cache())
                .isEqualTo(new CacheOutcome.HitOnError(
                        new CacheOutcome.Hit(312, -12, "gen-source", new Savings(SampleAnswers.CHAT_FACTS, 0)),
                        ForwardReason.STALE,
                        0));
    }

    @Test
    void anExpiredEntryDoesNotStandInForAnAnswer() {
        fill("old");
        clock.advance(TTL.plusSeconds(1));
        for (int status : new int[] {400, 401, 404, 200}) {
            RecordingSink client = ask(staleIfError(30));
            answer(status, CHAT_ANSWER.replace("Hello", "new"));
            assertThat(client.head.status()).isEqualTo(status);
            assertThat(client.text()).contains("new");
            assertThat(client.head.cache()).isEqualTo(new CacheOutcome.Miss(300, false, ForwardReason.STALE));
        }
    }

    @Test
    void anAnswerThatHasBegunIsCutAndNotReplaced() {
        fill("old");
        clock.advance(TTL.plusSeconds(1));
        RecordingSink client = ask(staleIfError(30));
        calls.get(1).begin(200, "application/json").send("{\"id\":").sink.fail(new IOException("reset"));
        assertThat(client.text()).isEqualTo("{\"id\":");
        assertThat(client.failure).isNotNull();
    }

    @Test
    void anEntryStandsInForNoLongerThanTheRequestAndTheCacheAllow() {
        fill("old");
        clock.advance(TTL.plusSeconds(29));
        assertThat(ask()).isNotNull();
        answer(503, "{}");
        assertThat(status(staleIfError(29))).isEqualTo(503);
        assertThat(status(staleIfError(30))).isEqualTo(200);
        clock.advance(WINDOW.minusSeconds(29).minusMillis(1));
        assertThat(status(staleIfError(86_400))).isEqualTo(200);
        clock.advance(Duration.ofMillis(1));
        assertThat(status(staleIfError(86_400))).isEqualTo(503);
    }

    private int status(CacheDirectives directives) {
        RecordingSink client = ask(directives);
        answer(503, "{}");
        return client.head.status();
    }

    @Test
    void sweepsKeepExpiredEntriesThatMayStillStandIn() {
        fill("old");
        clock.advance(TTL.plus(WINDOW).minusMillis(1));
        assertThat(cache.admin().sweep()).isZero();
        clock.advance(Duration.ofMillis(1));
        assertThat(cache.admin().sweep()).isEqualTo(1);
    }

    @Test
    void aFreshEntryStandsInForAFailedRefresh() {
        fill("old");
        RecordingSink client = ask(new CacheDirectives(true, false, CacheDirectives.ANY_AGE, false, 30));
        answer(429, "{}");
        assertThat(client.text()).contains("old");
        assertThat(client.head.cache())
                .isEqualTo(new CacheOutcome.HitOnError(
                        new CacheOutcome.Hit(0, 300, "gen-source", new Savings(SampleAnswers.CHAT_FACTS, 0)),
                        ForwardReason.REQUEST,
                        429));
    }

    @Test
    void followersOfAFailedCallHaveTheEntryToo() {
        fill("old");
        clock.advance(TTL.plusSeconds(1));
        RecordingSink leader = ask(staleIfError(30));
        RecordingSink follower = ask(staleIfError(30));
        RecordingSink other = ask();
        for (int i = 1; i < calls.size(); i++) {
            calls.get(i).begin(500, "application/json").send("{}").sink.end();
        }
        assertThat(leader.text()).contains("old");
        assertThat(follower.text()).contains("old");
        assertThat(other.head.status()).isEqualTo(500);
    }

    @Test
    void withoutAWindowNothingExpiredIsEverServed() throws IOException {
        fill("old");
        clock.advance(TTL);
        cache.close();
        cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .clock(clock)
                .open();
        assertThat(status(staleIfError(86_400))).isEqualTo(503);
    }

    @Test
    void negativeSecondsAreRefused() {
        assertThatThrownBy(() -> maxAge(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> staleIfError(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> ResponseCache.builder(folder).staleIfError(Duration.ofSeconds(-1)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
