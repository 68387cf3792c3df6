package dev.refrain.console.activity;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The memory for model names is bounded in bytes, and made-up names do not push out real ones. */
class ModelNamesTest {
    private static final int MAX_BYTES = 100_000;

    private final ModelNames names = new ModelNames(MAX_BYTES);

    @Test
    void f16_longNamesTakeNoMoreThanShortOnes() {
        for (int i = 0; i < 10_000; i++) {
            names.remember(i, "x".repeat(i % 5_000));
            assertThat(names.bytes()).isBetween(1L, (long) MAX_BYTES);
        }
        long characters = 0;
        for (int i = 0; i < 10_000; i++) {
            String known = names.known(i);
            characters += known == null ? 0 : known.length();
        }
        assertThat(characters).isBetween(1L, MAX_BYTES / 2L);
    }

    @Test
    void f16_aNameLargerThanTheBoundIsNotKept() {
        names.remember(1, "real");
        names.remember(2, "x".repeat(7_000_000));
        assertThat(names.bytes()).isLessThan(1000);
        assertThat(names.known(2)).isNull();
        assertThat(names.known(1)).isEqualTo("real");
    }

    @Test
    void f16_madeUpNamesDoNotPushOutThoseThatAreAskedFor() {
        names.remember(0, "real");
        for (int i = 1; i < 100_000; i++) {
            names.remember(i, "made-up-" + i);
            if (i % 100 == 0) {
                assertThat(names.known(0)).isEqualTo("real");
            }
        }
        assertThat(names.known(1)).isNull();
    }
}
