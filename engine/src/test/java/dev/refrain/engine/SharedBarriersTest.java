package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which answers barriers exclude, compared with a complete list of all barriers that were raised. */
class SharedBarriersTest {
    private static final List<String> SCOPES = List.of("sk-one", "sk-other", "sk-third");
    private static final List<String> MODELS = List.of("acme/large", "acme/small");

    private static CacheKey key(ResponseCache cache, String scope, String model, int number) {
        return cache.key(CacheRequest.of(
                        Endpoint.CHAT, scope, utf8("{\"model\":\"" + model + "\",\"messages\":[" + number + "]}")))
                .orElseThrow();
    }

    private static List<String> names(CacheKey key) {
        return List.of(
                SharedBarriers.all(),
                SharedBarriers.scope(key.scope()),
                SharedBarriers.model(key.modelTag()),
                SharedBarriers.digest(key.shortDigest()));
    }

    /** The name that another machine gives a key's barrier. It ends with the id of that machine's process. */
    private static String keyOfAnother(SharedBarriers another, CacheKey key) {
        return another.keyOfOurs(key);
    }

    @Test
    void noRaisedBarrierIsForgotten() throws Exception {
        try (ResponseCache cache = ResponseCache.onHeap(1 << 20).open()) {
            List<CacheKey> keys = new ArrayList<>();
            for (String scope : SCOPES) {
                for (String model : MODELS) {
                    for (int number = 0; number < 3; number++) {
                        keys.add(key(cache, scope, model, number));
                    }
                }
            }
            for (int round = 0; round < 50; round++) {
                Random random = new Random(round);
                SharedBarriers barriers = new SharedBarriers();
                SharedBarriers another = new SharedBarriers();
                Map<String, Long> log = new HashMap<>();
                for (int step = 1; step < 60; step++) {
                    CacheKey raised = keys.get(random.nextInt(keys.size()));
                    int kind = random.nextInt(40);
                    String name = kind == 0
                            ? SharedBarriers.all()
                            : kind < 30 ? names(raised).get(1 + kind % 3) : keyOfAnother(another, raised);
                    long at = 1_000_000 + step * 1_000L - random.nextInt(3_000);
                    barriers.raised(name, at);
                    log.merge(name, at, Math::max);
                    CacheKey asked = keys.get(random.nextInt(keys.size()));
                    long started = 1_000_000 + step * 1_000L - random.nextInt(20_000);
                    List<String> all = new ArrayList<>(names(asked));
                    all.add(keyOfAnother(another, asked));
                    boolean barred = all.stream().anyMatch(one -> log.containsKey(one) && started <= log.get(one));
                    assertThat(barriers.bars(asked, started))
                            .as("round %d, step %d", round, step)
                            .isEqualTo(barred);
                    assertThat(barriers.barsShared(asked, started, Long.MAX_VALUE))
                            .isEqualTo(barred);
                }
            }
        }
    }

    /** A client may clear key after key. Answers of other callers in the tier stay valid. */
    @Test
    void anyNumberOfKeysBarsOnlyCallsUnderWay() throws Exception {
        try (ResponseCache cache = ResponseCache.onHeap(1 << 20).open()) {
            SharedBarriers barriers = new SharedBarriers();
            SharedBarriers another = new SharedBarriers();
            CacheKey other = key(cache, "sk-other", "acme/large", -1);
            int last = SharedBarriers.MAX_NAMES + 10;
            for (int i = 1; i <= last; i++) {
                barriers.raised(another.keyOfOurs(key(cache, "sk-one", "acme/large", i)), 1_000 + i);
            }
            assertThat(barriers.size()).isLessThan(10);
            CacheKey first = key(cache, "sk-one", "acme/large", 1);
            assertThat(barriers.bars(first, 1_001)).as("still under way").isTrue();
            assertThat(barriers.barsShared(first, 1_001, 1_001))
                    .as("found before")
                    .isTrue();
            assertThat(barriers.barsShared(other, 500, 1_000 + last))
                    .as("another's in the tier")
                    .isFalse();
        }
    }

    /** A client may take back answer after answer. Other callers keep most of their answers. */
    @Test
    void w85_anyNumberOfNamesTakesLittleMemoryAndBarsFewOtherAnswers() throws Exception {
        try (ResponseCache cache = ResponseCache.onHeap(1 << 20).open()) {
            SharedBarriers barriers = new SharedBarriers();
            CacheKey first = key(cache, "sk-one", "acme/large", 0);
            barriers.raised(SharedBarriers.digest(first.shortDigest()), 1_000);
            Random random = new Random(17);
            for (int i = 2; i <= SharedBarriers.MAX_NAMES + 10; i++) {
                String digest = HexFormat.of().toHexDigits(random.nextLong(), 12);
                barriers.raised(SharedBarriers.digest(digest), 1_000 + i);
            }
            assertThat(barriers.size()).isLessThan(20);
            assertThat(barriers.bars(first, 1_000)).isTrue();
            assertThat(barriers.bars(first, 3 * SharedBarriers.MAX_NAMES)).isFalse();
            long barred = IntStream.range(0, 300)
                    .filter(i -> barriers.bars(key(cache, "sk-" + i, "model " + i, i), 1_000))
                    .count();
            assertThat(barred).isLessThan(100);
            // The same for one scope among many.
            barriers.raised(SharedBarriers.scope(first.scope()), 50_000);
            for (int i = 0; i <= SharedBarriers.MAX_NAMES; i++) {
                barriers.raised(SharedBarriers.scope(HexFormat.of().toHexDigits(random.nextLong(), 12)), 60_000);
            }
            assertThat(barriers.size()).isLessThan(20);
            assertThat(barriers.bars(first, 50_000)).isTrue();
        }
    }
}
