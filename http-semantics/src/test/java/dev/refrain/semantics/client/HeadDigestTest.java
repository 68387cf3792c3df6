package dev.refrain.semantics.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadDigestTest {
    /** Wire rule W15, also where the memory is dropped because it is more than is kept. */
    @ParameterizedTest
    @ValueSource(ints = {10, 2_000, 20_000, 200_000})
    void w15_whatIsForgottenIsOverwritten(int length) {
        HeadDigest digest = new HeadDigest();
        digest.add("sk-" + "k".repeat(length));
        byte[] held = digest.bytes();
        assertThat(held).contains('k');
        digest.end();
        assertThat(held).containsOnly(0);
        digest.add("k".repeat(length));
        held = digest.bytes();
        digest.clear();
        assertThat(held).containsOnly(0);
    }
}
