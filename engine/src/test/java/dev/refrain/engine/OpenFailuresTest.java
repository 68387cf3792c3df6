package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A cache that fails to open leaves nothing open (F22): the same file can be opened next. */
class OpenFailuresTest {
    private static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

    @TempDir
    Path folder;

    static Stream<Arguments> wrongArguments() {
        return Stream.of(
                wrong("capacity", b -> b.capacityBytes(-1)),
                wrong("capacity 0", b -> b.capacityBytes(0)),
                wrong("capacity of a heap", b -> b.capacityBytes(1 << 20)),
                wrong("hot", b -> b.hotBytes(-1)),
                wrong("memo", b -> b.memoBytes(-1)),
                wrong("request", b -> b.maxRequestBytes(0)),
                wrong("answer", b -> b.maxAnswerBytes(-7)),
                wrong("no interval", b -> b.sweepInterval(Duration.ZERO)),
                wrong("negative interval", b -> b.sweepInterval(FOREVER.negated())),
                wrong("endless interval", b -> b.sweepInterval(FOREVER)),
                wrong("negative window", b -> b.staleIfError(FOREVER.negated())),
                wrong("negative silence", b -> b.silentCall(Duration.ofNanos(-1))),
                wrong("no timeout", b -> b.upstreamTimeout(Duration.ZERO)),
                wrong("negative timeout", b -> b.upstreamTimeout(FOREVER.negated())));
    }

    private static Arguments wrong(String name, Consumer<ResponseCacheBuilder> setting) {
        return Arguments.of(name, setting);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongArguments")
    void f22_aWrongArgumentIsRefusedAndLeavesNothingOpen(String name, Consumer<ResponseCacheBuilder> setting)
            throws IOException {
        assertThatThrownBy(() -> {
                    ResponseCacheBuilder builder = builder();
                    setting.accept(builder);
                    builder.open();
                })
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageNotContaining("null");
        assertOpens();
    }

    @Test
    void f22_longestDurationsAreAsGoodAsEndless() throws IOException {
        builder()
                .staleIfError(FOREVER)
                .silentCall(FOREVER)
                .upstreamTimeout(FOREVER)
                .open()
                .close();
        assertOpens();
    }

    /** The clock fails at its first, second, ... use, so opening fails at many places. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void f22_aFailureAnywhereInOpenLeavesNothingOpen(int good) throws IOException {
        AtomicInteger left = new AtomicInteger(good);
        try {
            builder().clock(failing(left)).open().close();
        } catch (IllegalStateException expected) {
            assertThat(expected).hasMessage("no time");
        }
        assertOpens();
    }

    @Test
    void f22_moreMemoryThanThereIsLeavesNothingOpen() throws IOException {
        for (Consumer<ResponseCacheBuilder> greed : java.util.List.<Consumer<ResponseCacheBuilder>>of(
                b -> b.hotBytes(Long.MAX_VALUE), b -> b.memoBytes(Long.MAX_VALUE))) {
            ResponseCacheBuilder builder = builder();
            greed.accept(builder);
            try {
                builder.open().close();
            } catch (RuntimeException | Error refused) {
                // Whether opening is refused depends on the machine.
            }
            assertOpens();
        }
    }

    @Test
    void f22_anInvalidFileLeavesNothingOpen() throws IOException {
        Path place = folder.resolve("answers.refrain");
        Files.createDirectory(place);
        assertThatThrownBy(() -> builder().open()).isInstanceOf(IOException.class);
        Files.delete(place);
        assertOpens();
    }

    /** A store belongs to its caller until a cache has opened with it. */
    @Test
    void f22_aStoreThatFailsIsNotClosedAndMayBeTriedAgain() throws IOException {
        dev.refrain.engine.spi.HeapStore store = new dev.refrain.engine.spi.HeapStore(1 << 20);
        AtomicInteger left = new AtomicInteger(0);
        ResponseCacheBuilder builder = builder().store(store).clock(failing(left));
        assertThatThrownBy(builder::open).hasMessage("no time");
        left.set(Integer.MAX_VALUE);
        try (ResponseCache cache = builder.open()) {
            assertWorks(cache);
        }
    }

    private static Clock failing(AtomicInteger left) {
        return new Clock() {
            @Override
            public Instant instant() {
                if (left.getAndDecrement() <= 0) {
                    throw new IllegalStateException("no time");
                }
                return Instant.now();
            }

            @Override
            public ZoneId getZone() {
                return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
                return this;
            }
        };
    }

    private ResponseCacheBuilder builder() {
        return ResponseCache.builder(folder.resolve("answers.refrain")).capacityBytes(16 << 20);
    }

    private void assertOpens() throws IOException {
        try (ResponseCache cache = builder().open()) {
            assertWorks(cache);
        }
    }

    private static void assertWorks(ResponseCache cache) {
        CacheKey key = cache.key(chat(CHAT_REQUEST)).orElseThrow();
        assertThat(cache.store(key, "application/json", utf8(CHAT_ANSWER), Duration.ofMinutes(5)))
                .isTrue();
        assertThat(cache.lookup(key, new CachedResponse())).isTrue();
    }
}
