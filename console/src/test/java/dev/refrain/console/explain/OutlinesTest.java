package dev.refrain.console.explain;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.KeyParts;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.NoStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutlinesTest {
    private final PathNames names = new PathNames();
    private final Outliner outliner = new Outliner(names);
    private ResponseCache cache;

    @BeforeEach
    void open() throws IOException {
        cache = ResponseCache.builder(Path.of("unused")).store(new NoStore()).open();
    }

    @AfterEach
    void close() {
        cache.close();
    }

    private KeyParts parts(String body) {
        return cache.admin()
                .keyParts(CacheRequest.of(Endpoint.CHAT, "k", bytes(body)))
                .orElseThrow();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private Outline outline(String body) throws IOException {
        return outliner.outline(parts(body), null, 0, bytes(body));
    }

    private List<String> differences(String asked, String other) throws IOException {
        return outline(asked).differences(outline(other), names);
    }

    @Test
    void differencesComeInTheOrderOfTheDocument() throws IOException {
        assertThat(differences(
                        "{\"z\":1,\"a\":[true,{\"b c\":\"x\"},[]],\"q\":\"u\\\"v\"}",
                        "{\"z\":2,\"a\":[true,{\"b c\":\"y\"},[1]],\"q\":\"u\\\"v\",\"extra\":{}}"))
                .containsExactly("$.z", "$.a[1][\"b c\"]", "$.a[2]", "$.a[2][0]", "$.extra");
    }

    @Test
    void aNumberIsNoTextAndItsSpellingCounts() throws IOException {
        assertThat(differences("{\"a\":1,\"b\":1.0,\"c\":null}", "{\"a\":\"1\",\"b\":1.00,\"c\":\"null\"}"))
                .containsExactly("$.a", "$.b", "$.c");
    }

    @Test
    void equalValuesInAnotherSpellingAreReportedAsSuch() throws IOException {
        assertThat(differences("{\"a\":\"A\"}", "{\"a\":\"\\u0041\"}")).containsExactly("(spelling of a text)");
        assertThat(outline("{\"a\":\"A\"}").similarity(outline("{\"a\":\"\\u0041\"}")))
                .isEqualTo(1);
    }

    @Test
    void hashesDifferFromProcessToProcess() throws IOException {
        byte[] body = bytes("{\"a\":\"a guess\"}");
        assertThat(new Outliner(names).outline(parts("{}"), null, 0, body).hashes())
                .isNotEqualTo(outliner.outline(parts("{}"), null, 0, body).hashes());
    }

    @Test
    void aLongRequestIsOutlinedInPart() throws IOException {
        String many = "{\"a\":[" + "1,".repeat(Outliner.MOST_VALUES * 2) + "1]}";
        assertThat(outline(many).hashes()).hasSize(Outliner.MOST_VALUES);
    }

    @Test
    void theOldestGoFirst() throws IOException {
        try (Outlines outlines = new Outlines(2, new MemoryBudget(1 << 20))) {
            for (int i = 1; i <= 3; i++) {
                String body = "{\"same\":true,\"i\":" + i + "}";
                outlines.add(() -> parts(body), body.length(), "gen-" + i, i, bytes(body));
                until(() -> outlines.lastStored(parts(body).key()) != null);
            }
            assertThat(outlines.size()).isEqualTo(2);
            String asked = "{\"same\":true,\"i\":0}";
            assertThat(outlines.nearest(parts(asked), bytes(asked), key -> true))
                    .extracting(Explanation.Nearest::id)
                    .containsExactly("gen-3", "gen-2");
        }
    }

    /** The name of a deployment may be as long as the head of a request; the id from a provider may have any length. */
    @ParameterizedTest
    @CsvSource({"15000,10", "10,15000"})
    void longTextsTakeNoMoreThanShortOnes(int target, int id) throws IOException {
        try (Outlines outlines = new Outlines(1000, new MemoryBudget(1 << 20), 100_000)) {
            for (int i = 1; i <= 20; i++) {
                byte[] body = bytes("{\"i\":" + i + "}");
                KeyContext context = cache.pipeline()
                        .context(Endpoint.CHAT, cache.pipeline().scope("k"))
                        .target("d".repeat(target))
                        .build();
                KeyParts parts =
                        cache.admin().keyParts(CacheRequest.of(context, body)).orElseThrow();
                outlines.add(() -> parts, target, "i".repeat(id), i, body);
                until(() -> outlines.lastStored(parts.key()) != null);
            }
            assertThat(outlines.size()).isEqualTo(3);
        }
    }

    @Test
    void closingReleasesTheMemoryOfRequestsThatWaitForTheirOutline() throws Exception {
        MemoryBudget memory = new MemoryBudget(1 << 20);
        CountDownLatch busy = new CountDownLatch(1);
        CountDownLatch closing = new CountDownLatch(1);
        Outlines outlines = new Outlines(10, memory);
        outlines.add(
                () -> {
                    busy.countDown();
                    await(closing);
                    return parts("{}");
                },
                2,
                null,
                0,
                bytes("{}"));
        assertThat(busy.await(20, TimeUnit.SECONDS)).isTrue();
        outlines.add(() -> parts("{}"), 1000, "gen-1", 0, bytes("{\"waits\":true}"));
        assertThat(memory.usedBytes()).isEqualTo(2 + 1000 + 10);
        outlines.close();
        outlines.add(() -> parts("{}"), 1000, null, 0, bytes("{\"late\":true}"));
        assertThat(memory.usedBytes()).isEqualTo(2);
        closing.countDown();
        until(() -> memory.usedBytes() <= 0);
    }

    private static void await(CountDownLatch latch) {
        boolean interrupted = false;
        while (true) {
            try {
                latch.await();
                break;
            } catch (InterruptedException closed) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** No request may be refused because explanations hold memory. */
    @Test
    void requestsThatWaitForTheirOutlineLeaveMemoryToOthers() throws Exception {
        MemoryBudget memory = new MemoryBudget(1 << 20);
        CountDownLatch stuck = new CountDownLatch(1);
        try (Outlines outlines = new Outlines(100, memory)) {
            for (int i = 0; i < 50; i++) {
                outlines.add(
                        () -> {
                            await(stuck);
                            throw new IllegalStateException("of no matter");
                        },
                        // The name of a deployment may be far longer than a body.
                        30_000,
                        null,
                        0,
                        new byte[10]);
                assertThat(memory.usedBytes()).isLessThanOrEqualTo(memory.limitBytes() / 8);
            }
            assertThat(memory.usedBytes()).isPositive();
            assertThat(outlines.dropped()).isEqualTo(46);
            stuck.countDown();
        }
    }

    @Test
    void zeroOutlinesMeansThatNoneAreKept() {
        try (Outlines outlines = new Outlines(0, new MemoryBudget(1 << 20))) {
            outlines.add(
                    () -> {
                        throw new AssertionError("not asked for");
                    },
                    2,
                    null,
                    0,
                    bytes("{}"));
            assertThat(outlines.size()).isZero();
            assertThat(outlines.isOn()).isFalse();
        }
    }
}
