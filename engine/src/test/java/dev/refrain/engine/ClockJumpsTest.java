package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Upstream;
import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Clocks that jump, at a restart too: no expired entry is served, and no unexpired one is lost (wire rule W19b, F11).
 */
class ClockJumpsTest {
    private static final Duration TTL = Duration.ofMinutes(30);

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private final AtomicLong ticks = new AtomicLong(-5);
    private final CachedResponse found = new CachedResponse();
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .clock(clock)
                .ticker(ticks::get)
                .sweepInterval(Duration.ofMillis(1))
                .staleIfError(Duration.ofMinutes(1))
                .open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    /** Lets time pass on the wall clock and on the monotonic clock. */
    private void pass(Duration time) {
        ticks.addAndGet(time.toNanos());
        clock.advance(time);
    }

    private void maybeReopen(boolean reopens) throws IOException {
        if (reopens) {
            close();
            open();
        }
    }

    private CacheKey key() {
        return cache.key(chat(CHAT_REQUEST)).orElseThrow();
    }

    private void store() {
        assertThat(cache.store(key(), "application/json", utf8(CHAT_ANSWER), TTL))
                .isTrue();
    }

    private boolean isServed() {
        return cache.lookup(key(), found);
    }

    /** Waits until each slice has been swept once more. */
    private void awaitSweeps() {
        long sweeps = cache.admin().stats().store().details().sweeps();
        until(() -> cache.admin().stats().store().details().sweeps() >= sweeps + 2);
    }

    @ParameterizedTest
    @CsvSource({"PT1H, false", "PT24H, false", "PT1H, true", "PT24H, true"})
    void w19b_aJumpForwardServesNothingExpiredAndLosesNothing(Duration jump, boolean reopens) throws Exception {
        store();
        pass(Duration.ofMinutes(1));
        clock.advance(jump);
        maybeReopen(reopens);
        assertThat(isServed()).isFalse();
        awaitSweeps();
        clock.advance(jump.negated());
        assertThat(isServed()).isTrue();
        assertThat(found.ageSeconds()).isEqualTo(60);
        // With restarts, the clock has now also jumped back while the cache was closed.
        maybeReopen(reopens);
        awaitSweeps();
        assertThat(isServed()).isTrue();
        pass(TTL.minusMinutes(1));
        assertThat(isServed()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"PT1H, false", "PT24H, false", "PT1H, true", "PT24H, true"})
    void w19b_aJumpBackServesNothingFromTheFutureAndLosesNothing(Duration jump, boolean reopens) throws Exception {
        store();
        clock.advance(jump.negated());
        maybeReopen(reopens);
        assertThat(isServed()).isFalse();
        RecordingSink refused = new RecordingSink();
        assertThat(cache.pipeline()
                        .respondIfStored(
                                key(), new CacheDirectives(false, false, 0, false, Long.MAX_VALUE / 1000), refused))
                .isFalse();
        awaitSweeps();
        clock.advance(jump);
        assertThat(isServed()).isTrue();
        assertThat(found.ageSeconds()).isZero();
    }

    /** F11: the clock was ahead when the entry was stored. */
    @ParameterizedTest
    @CsvSource({"PT1H, false", "PT24H, false", "PT1H, true", "PT24H, true"})
    void f11_whatWasStoredByAClockThatWasAheadIsReplaced(Duration jump, boolean reopens) throws Exception {
        clock.advance(jump);
        store();
        clock.advance(jump.negated());
        maybeReopen(reopens);
        assertThat(isServed()).isFalse();
        RecordingSink client = new RecordingSink();
        cache.pipeline()
                .respond(
                        key(),
                        CacheControls.on(TTL)
                                .with(new CacheDirectives(false, false, CacheDirectives.ANY_AGE, false, 3600)),
                        sink -> {
                            sink.fail(new IOException("down"));
                            return Upstream.Call.UNSTOPPABLE;
                        },
                        client);
        assertThat(client.failure).hasMessage("down");
        store();
        assertThat(isServed()).isTrue();
        pass(TTL);
        assertThat(isServed()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 5_000})
    void w19b_clocksOfTwoProcessesMayDifferByFiveSeconds(long millis) {
        store();
        clock.advance(Duration.ofMillis(-millis));
        assertThat(isServed()).isTrue();
        assertThat(found.ageSeconds()).isZero();
        assertThat(found.ttlSeconds()).isEqualTo(TTL.toSeconds());
        clock.advance(Duration.ofMillis(-5_001 + millis));
        assertThat(isServed()).isFalse();
    }

    @Test
    void aClockThatStaysAheadIsTrusted() throws Exception {
        store();
        clock.advance(Duration.ofDays(1));
        awaitSweeps();
        assertThat(cache.admin().stats().store().entries()).isEqualTo(1);
        pass(ExpiryClock.SETTLING);
        awaitSweeps();
        assertThat(cache.admin().stats().store().entries()).isZero();
    }

    @Test
    void entriesThatExpireWhileTimePassesAreSwept() throws Exception {
        store();
        for (int i = 0; i < 31 + 1; i++) {
            pass(Duration.ofMinutes(1));
            awaitSweeps();
        }
        assertThat(cache.admin().stats().store().entries()).isZero();
    }

    @Test
    void aHotCopyIsAsFreshAsItsEntry() {
        store();
        for (int i = 0; i < 20; i++) {
            assertThat(isServed()).isTrue();
        }
        assertThat(cache.admin().stats().hotHits()).isPositive();
        clock.advance(Duration.ofDays(-1));
        assertThat(isServed()).isFalse();
        clock.advance(Duration.ofDays(2));
        assertThat(isServed()).isFalse();
        clock.advance(Duration.ofDays(-1));
        assertThat(isServed()).isTrue();
    }
}
