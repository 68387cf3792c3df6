package dev.refrain.semantics.caller;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.RequestFields;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RequestRatesTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private static final CredentialFields FIELDS =
            new CredentialFields(FieldNames.parse("none"), FieldNames.parse("none"));

    private ResponseCache cache;
    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - SECOND);

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.onHeap(16L << 20).open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private RequestRates rates(double perSecond, int burst) {
        return new RequestRates(perSecond, burst, now::get);
    }

    private RequestRate of(RequestRates rates, String key) {
        return rates.of(cache.pipeline().scope(key));
    }

    /** The clock may overflow, as {@link System#nanoTime} may. */
    @Test
    void aBurstIsAllowedAndThenARate() {
        RequestRate rate = of(rates(10, 5), "sk-a");
        for (int i = 0; i < 5; i++) {
            assertThat(rate.take(now.get())).isZero();
        }
        assertThat(rate.take(now.get())).isEqualTo(SECOND / 10);
        for (int i = 0; i < 30; i++) {
            assertThat(rate.take(now.addAndGet(SECOND / 10))).isZero();
            assertThat(rate.take(now.get())).isEqualTo(SECOND / 10);
        }
        now.addAndGet(60 * SECOND);
        for (int i = 0; i < 5; i++) {
            assertThat(rate.take(now.get())).isZero();
        }
        assertThat(rate.take(now.get())).isPositive();
    }

    @Test
    void aRateMayBeLessThanOneASecond() {
        RequestRate rate = of(rates(0.5, 1), "sk-a");
        assertThat(rate.take(now.get())).isZero();
        assertThat(rate.take(now.addAndGet(SECOND))).isEqualTo(SECOND);
        assertThat(rate.take(now.addAndGet(SECOND))).isZero();
    }

    @Test
    void eachKeyHasItsOwnRateAndRatesAreBoundedInNumber() {
        RequestRates rates = rates(1, 1);
        RequestRate first = of(rates, "sk-a");
        assertThat(of(rates, "sk-a")).isSameAs(first);
        assertThat(of(rates, "sk-b")).isNotSameAs(first);
        for (int i = 0; i < 40_000; i++) {
            of(rates, "made up " + i);
            of(rates, "sk-a");
        }
        assertThat(rates.size()).isLessThanOrEqualTo(16 * 1024);
        // Keys in use are not pushed out by made-up keys.
        assertThat(of(rates, "sk-a")).isSameAs(first);
    }

    /** A key has one rate: beside any cookie, in any field, and in a team. Requests without a key share one rate. */
    @Test
    void theRateOfAKeyDoesNotDependOnOtherCredentials() {
        Callers callers = new Callers(cache, FIELDS, Map.of()).with(rates(1, 1));
        List<Caller> same = List.of(
                caller(callers, Map.of("authorization", "Bearer sk-a")),
                caller(callers, Map.of("x-api-key", "sk-a")),
                caller(callers, Map.of("authorization", "Bearer sk-a", "cookie", "a=1")),
                caller(callers, Map.of("authorization", "Bearer sk-a", "cookie", "a=2")));
        assertThat(same)
                .allSatisfy(one -> assertThat(one.rates()).isEqualTo(same.get(0).rates()));
        assertThat(caller(callers, Map.of("authorization", "Bearer sk-b")).rates())
                .isNotEqualTo(same.get(0).rates());
        assertThat(caller(callers, Map.of()).rates())
                .isEqualTo(caller(callers, Map.of("cookie", "a=1")).rates())
                .hasSize(1);
        assertThat(caller(callers, Map.of("authorization", "Bearer sk-a", "x-api-key", "sk-b"))
                        .rates())
                .hasSize(2);
        assertThat(caller(new Callers(cache, FIELDS, Map.of()), Map.of("x-api-key", "a"))
                        .rates())
                .isEmpty();
    }

    private static Caller caller(Callers callers, Map<String, String> fields) {
        return callers.of(new Fields(fields), "");
    }

    private record Fields(Map<String, String> lines) implements RequestFields {
        @Override
        public String first(String name) {
            return lines.get(name);
        }

        @Override
        public List<String> all(String name) {
            return lines.containsKey(name) ? List.of(lines.get(name)) : null;
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {
            lines.forEach((name, line) -> action.accept(name, List.of(line)));
        }
    }
}
