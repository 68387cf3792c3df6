package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.exchange.Endpoint;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The queue keeps the requests that it takes, in their order, and refuses more when it is full. */
class FactsQueueTest {
    private static final Cost NOTHING = new Cost(0, 0, 0, 0, 0, 0, 0);

    private final FactsQueue queue = new FactsQueue();

    private static Account account(String id, String model) {
        Account account = new Account(null, Endpoint.MESSAGES, 0, null);
        account.request(model, null, false);
        account.restore(null, id, 200, 1, 2, 3, 4, false);
        return account;
    }

    @Test
    void aFullQueueRefusesAndKeepsWhatItHasIntact() {
        int taken = 0;
        while (queue.offer(account("id-" + taken, "model-" + taken), NOTHING)) {
            taken++;
        }
        List<String> read = new ArrayList<>();
        // There are so many models here that the numbers for their names run out.
        assertThat(queue.drain(facts -> read.add(new String(facts.id(), StandardCharsets.UTF_8) + facts.model())))
                .isEqualTo(taken)
                .isGreaterThan(30_000);
        assertThat(read)
                .containsExactlyElementsOf(IntStream.range(0, taken)
                        .mapToObj(i -> "id-" + i + "model-" + i)
                        .toList());
        assertThat(queue.offer(account("x", "m"), NOTHING)).isTrue();
        assertThat(queue.drain(facts -> {})).isEqualTo(1);
    }

    @Test
    void longTextsAreCutShort() {
        assertThat(queue.offer(account("i".repeat(5000), "m".repeat(2_000_000)), NOTHING))
                .isTrue();
        queue.drain(facts -> {
            assertThat(facts.id()).hasSize(Facts.LONGEST_TEXT);
            assertThat(facts.model()).hasSize(Facts.LONGEST_TEXT);
        });
    }

    @Test
    void eachThreadsRequestsComeInItsOrderAndNoneTwice() throws Exception {
        int threads = 3;
        int each = 30_000;
        int[] next = new int[threads];
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> producers = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                String prefix = t + "-";
                producers.add(pool.submit(() -> {
                    for (int i = 0; i < each; i++) {
                        while (!queue.offer(account(prefix + i, "m"), NOTHING)) {
                            Thread.onSpinWait();
                        }
                    }
                }));
            }
            int read = 0;
            while (read < threads * each) {
                read += queue.drain(facts -> {
                    String id = new String(facts.id(), StandardCharsets.UTF_8);
                    int thread = id.charAt(0) - '0';
                    assertThat(id).isEqualTo(thread + "-" + next[thread]);
                    next[thread]++;
                });
            }
            for (Future<?> producer : producers) {
                producer.get();
            }
            assertThat(next).containsOnly(each);
        } finally {
            pool.shutdownNow();
        }
    }
}
