package dev.refrain.engine.internal.store;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ShortlistsTest {
    private static final long OWNER = 0xABCD_EF01_2345_6789L;

    private final Shortlists lists = new Shortlists(3);

    @Test
    void aSegmentHasNoListBeforeItIsMade() {
        assertThat(lists.use(1, 10, 0)).isFalse();
    }

    @Test
    void aListServesOncePerEntry() {
        list(1, 2, 10);

        assertThat(lists.use(1, 10, 0)).isTrue();
        assertThat(lists.use(1, 10, 0)).isTrue();
        assertThat(lists.use(1, 10, 0)).isFalse();
    }

    @Test
    void aListServesLargerRequestsButNotMuchSmallerOnes() {
        list(1, 8, 160);

        assertThat(lists.use(1, 250, 0)).isTrue();
        assertThat(lists.use(1, 140, 0)).isTrue();
        assertThat(lists.use(1, 139, 0)).isFalse();
    }

    @Test
    void aListServesUntilSomethingExpires() {
        list(1, 8, 10);

        assertThat(lists.use(1, 10, 999)).isTrue();
        assertThat(lists.use(1, 10, 1_000)).isFalse();
    }

    @Test
    void aListIdentifiesValuesByPlaceAndOwner() {
        list(2, 2, 10);

        assertThat(lists.chunk(2, 1)).isEqualTo(7_901);
        assertThat(lists.isAt(2, 1, OWNER, 7_901)).isTrue();
        assertThat(lists.isAt(2, 1, ~OWNER, 7_901)).isFalse();
        assertThat(lists.isAt(2, 1, OWNER, 7_900)).isFalse();
        assertThat(lists.bound(2)).isEqualTo(0.5);
    }

    @Test
    void otherSegmentsHaveListsOfTheirOwn() {
        list(1, 2, 10);
        list(2, 2, 10);
        lists.drop(1);

        assertThat(lists.use(0, 10, 0)).isFalse();
        assertThat(lists.use(1, 10, 0)).isFalse();
        assertThat(lists.use(2, 10, 0)).isTrue();
    }

    private void list(int segment, int length, int chunks) {
        for (int i = 0; i < length; i++) {
            lists.set(segment, i, OWNER, 7_900 + i);
        }
        lists.set(segment, length, chunks, 1_000, 0.5);
    }
}
