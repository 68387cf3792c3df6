package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.MovableClock;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lifetimes of a year (wire rule W80): neither the reading nor the sweeping of entries loses them earlier. */
class LongLivesTest {
    private static final Duration YEAR = Duration.ofDays(365);

    @TempDir
    Path folder;

    private final MovableClock clock = new MovableClock();
    private final AtomicLong ticks = new AtomicLong();
    private final CachedResponse found = new CachedResponse();

    private ResponseCache open() throws IOException {
        return ResponseCache.builder(folder.resolve("answers.refrain"))
                .capacityBytes(16 << 20)
                .clock(clock)
                .ticker(ticks::get)
                .open();
    }

    private void pass(Duration time) {
        ticks.addAndGet(time.toNanos());
        clock.advance(time);
    }

    @Test
    void w80_anEntryLivesForAYearAndNotLonger() throws IOException {
        CacheKey key;
        try (ResponseCache cache = open()) {
            key = cache.key(chat(CHAT_REQUEST)).orElseThrow();
            assertThat(cache.store(key, "application/json", utf8(CHAT_ANSWER), YEAR))
                    .isTrue();
            assertThat(cache.lookup(key, found)).isTrue();
            assertThat(found.ttlSeconds()).isEqualTo(31_536_000);
            pass(Duration.ofDays(200));
            assertThat(cache.admin().sweep()).isZero();
            assertThat(cache.lookup(key, found)).isTrue();
            assertThat(found.ageSeconds()).isEqualTo(Duration.ofDays(200).toSeconds());
        }
        pass(Duration.ofDays(165).minusSeconds(1));
        try (ResponseCache cache = open()) {
            assertThat(cache.admin().sweep()).isZero();
            assertThat(cache.lookup(key, found)).isTrue();
            assertThat(found.ttlSeconds()).isEqualTo(1);
            pass(Duration.ofSeconds(1));
            assertThat(cache.lookup(key, found)).isFalse();
            assertThat(cache.admin().sweep()).isEqualTo(1);
        }
    }
}
