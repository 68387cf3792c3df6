package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Each text has one number, whichever thread adds it first. */
class TextsTest {
    private static final int THREADS = 4;

    @Test
    void threadsThatMeetOverATextGetOneNumber() throws Exception {
        int rounds = 300;
        int texts = 50;
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            for (int round = 0; round < rounds; round++) {
                Texts numbers = new Texts();
                CyclicBarrier start = new CyclicBarrier(THREADS);
                List<Future<int[]>> seen = new ArrayList<>();
                for (int thread = 0; thread < THREADS; thread++) {
                    seen.add(threads.submit(() -> {
                        int[] given = new int[texts];
                        start.await();
                        for (int i = 0; i < texts; i++) {
                            given[i] = numbers.number("text " + i);
                            // A thread that has a number can read its text at once.
                            assertThat(numbers.text(given[i])).isEqualTo("text " + i);
                        }
                        return given;
                    }));
                }
                int[] first = seen.get(0).get();
                assertThat(Arrays.stream(first).distinct()).hasSize(texts).allMatch(number -> number > Texts.NONE);
                for (Future<int[]> other : seen) {
                    assertThat(other.get()).isEqualTo(first);
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** A race may waste a number. No number is given twice. */
    @Test
    void thereAreOnlySoManyNumbers() throws Exception {
        Texts numbers = new Texts();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Integer>> numbered = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                numbered.add(threads.submit(() -> {
                    int mine = 0;
                    for (int i = 0; i < 6_000; i++) {
                        int number = numbers.number("text " + i);
                        if (number != Texts.UNNUMBERED) {
                            assertThat(numbers.text(number)).isEqualTo("text " + i);
                            mine++;
                        }
                    }
                    return mine;
                }));
            }
            for (Future<Integer> mine : numbered) {
                assertThat(mine.get()).isBetween(4096 / THREADS, 4096);
            }
            assertThat(numbers.number("one more")).isEqualTo(Texts.UNNUMBERED);
            assertThat(numbers.number("t".repeat(65))).isEqualTo(Texts.UNNUMBERED);
            assertThat(numbers.number(null)).isEqualTo(Texts.NONE);
        } finally {
            threads.shutdownNow();
        }
    }
}
