package dev.refrain.semantics.caller;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** A purge by a label finds all scopes of its callers, whatever credentials other callers make up. */
class LabelledTagsTest {
    @Test
    void f16_aCallerThatMakesUpScopesPushesOutNoOther() {
        LabelledTags tags = new LabelledTags(20_000);
        for (int i = 0; i < 10_000; i++) {
            tags.add("flood", "made-up-" + i);
            tags.add("legal", "0123456789ab");
        }
        assertThat(tags.of("legal")).containsExactly("0123456789ab");
        assertThat(tags.of("flood")).hasSizeBetween(10, 100);
        assertThat(tags.of("nobody")).isEmpty();
    }
}
