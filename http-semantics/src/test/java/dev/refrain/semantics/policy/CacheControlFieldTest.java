package dev.refrain.semantics.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.refrain.engine.CacheDirectives;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wire rule W30: RFC 9110, 5.6.1 and RFC 9111, 5.2. */
class CacheControlFieldTest {
    private static CacheDirectives parse(String... lines) {
        return CacheControlField.parse(List.of(lines));
    }

    @Test
    void w30_anAbsentFieldHasNoDirectives() {
        assertThat(CacheControlField.parse(null)).isEqualTo(CacheDirectives.NONE);
        assertThat(parse()).isEqualTo(CacheDirectives.NONE);
        assertThat(parse("")).isEqualTo(CacheDirectives.NONE);
        assertThat(parse(" , ,,\t,")).isEqualTo(CacheDirectives.NONE);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "no-cache,no-store,max-age=60,only-if-cached,stale-if-error=30",
                "No-Cache , NO-STORE,Max-Age=60 ,\tonly-IF-cached,,stale-if-error=30,",
                "no-cache=\"x, no-y\", no-store, max-age=\"60\", only-if-cached, stale-if-error=\"3\\0\"",
                "foo, bar=1, baz=\"max-age=1, \\\"no\\\"\", no-cache, no-store, max-age=60, max-age=5, only-if-cached, "
                        + "stale-if-error=30"
            })
    void w30_listsAreReadWhateverTheirSpelling(String line) {
        assertThat(parse(line)).isEqualTo(new CacheDirectives(true, true, 60, true, 30));
    }

    @Test
    void w30_severalLinesAreOneList() {
        assertThat(parse("no-cache", "max-age=60, foo", "", "stale-if-error=30, max-age=7"))
                .isEqualTo(new CacheDirectives(true, false, 60, false, 30));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "max-age",
                "max-age=",
                "max-age=-1",
                "max-age=1.5",
                "max-age=x",
                "max-age=\"\"",
                "max-age=6 0",
                "xmax-age=1",
                "max-age2=1",
                "\"max-age=1\"",
                "\"no-cache\"",
                "no-cached",
                "no cache",
                "x=\"no-cache, max-age=1",
                "=max-age=1"
            })
    void w30_unknownDirectivesAndInvalidNumbersAreSkipped(String line) {
        assertThat(parse(line)).isEqualTo(CacheDirectives.NONE);
    }

    @ParameterizedTest
    @CsvSource({"0,0", "007,7", "2147483647,2147483647", "2147483648,2147483647", "99999999999999999999,2147483647"})
    void w30_hugeNumbersAreClamped(String number, long seconds) {
        assertThat(parse("max-age=" + number).maxAgeSeconds()).isEqualTo(seconds);
        assertThat(parse("stale-if-error=" + number).staleIfErrorSeconds()).isEqualTo(seconds);
    }

    @RepeatedTest(20)
    void arbitraryTextIsParsedWithoutAnException() {
        Random random = new Random();
        long seed = random.nextLong();
        random.setSeed(seed);
        String[] pieces = {"max-age", "=", "\"", "\\", ",", " ", "\t", "no-cache", "7", "x", "\u00e9", "\0"};
        for (int i = 0; i < 1000; i++) {
            StringBuilder line = new StringBuilder();
            for (int n = random.nextInt(12); n > 0; n--) {
                line.append(pieces[random.nextInt(pieces.length)]);
            }
            assertThatCode(() -> parse(line.toString()))
                    .as("seed %d: %s", seed, line)
                    .doesNotThrowAnyException();
            // A new line is parsed independently of the line before.
            assertThat(parse(line.toString(), "only-if-cached").onlyIfCached()).isTrue();
        }
    }
}
