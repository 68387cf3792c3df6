package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The record of removals that have not been announced to other machines (wire rule W91). */
class SharedUnraisedTest {
    private static final String GREEDY = SharedBarriers.scope("aaaaaaaaaaaa");
    private static final String MODEST = SharedBarriers.scope("bbbbbbbbbbbb");

    private final SharedUnraised unraised = new SharedUnraised();
    private int number;

    private String add(String scope) {
        String name = SharedBarriers.KEY + String.format("%064x", number++);
        unraised.add(new SharedUnraised.Kept(name, scope));
        return name;
    }

    @Test
    void aCallerThatFillsTheRecordPurgesOnlyItsOwnScope() {
        for (int i = 0; i < SharedUnraised.MAX_KEYS; i++) {
            add(GREEDY);
        }
        String modest = add(MODEST);

        assertThat(unraised.lines()).containsExactlyInAnyOrder(GREEDY, modest + ' ' + MODEST);

        // There is room again, but not for more keys of that scope: its barrier covers them.
        add(GREEDY);
        String next = add(MODEST);
        assertThat(unraised.lines()).containsExactlyInAnyOrder(GREEDY, modest + ' ' + MODEST, next + ' ' + MODEST);
    }

    @Test
    void announcedKeysDoNotCountAnyMore() {
        for (int i = 0; i < 1_000; i++) {
            add(GREEDY);
        }
        List<SharedUnraised.Kept> taken = unraised.take(1_000);
        assertThat(taken).hasSize(1_000);
        taken.forEach(unraised::over);
        add(GREEDY);
        for (int i = 0; i < SharedUnraised.MAX_KEYS; i++) {
            add(i % 20 == 0 ? SharedBarriers.scope(String.format("%012x", i)) : MODEST);
        }

        assertThat(unraised.lines()).contains(MODEST).doesNotContain(GREEDY);
    }

    /** Only a barrier for everything could replace keys without a scope. */
    @Test
    void keysOfUnknownScopesTakeAQuarterAtMost() {
        for (int i = 0; i < SharedUnraised.MAX_UNKNOWN; i++) {
            assertThat(unraised.hasRoomFor(null)).isTrue();
            add(null);
        }
        assertThat(unraised.hasRoomFor(null)).isFalse();
        assertThat(unraised.hasRoomFor(MODEST)).isTrue();

        for (int i = 0; i <= SharedUnraised.MAX_KEYS - SharedUnraised.MAX_UNKNOWN; i++) {
            add(GREEDY);
        }
        assertThat(unraised.lines()).hasSize(SharedUnraised.MAX_UNKNOWN + 1).contains(GREEDY);
    }

    @Test
    void aKeyIsCoveredUntilItOrItsReplacementIsAnnounced() {
        String key = add(MODEST);
        assertThat(unraised.covers(key, MODEST)).isTrue();
        assertThat(unraised.covers(key + "0", MODEST)).isFalse();

        List<SharedUnraised.Kept> taken = unraised.take(10);
        assertThat(unraised.covers(key, MODEST)).isTrue();
        taken.forEach(unraised::over);
        assertThat(unraised.covers(key, MODEST)).isFalse();

        unraised.add(new SharedUnraised.Kept(MODEST, null));
        assertThat(unraised.covers(key, MODEST)).isTrue();
        assertThat(unraised.covers(key, GREEDY)).isFalse();
        unraised.add(new SharedUnraised.Kept(SharedBarriers.all(), null));
        unraised.take(10);
        assertThat(unraised.covers(key, GREEDY)).isTrue();
        assertThat(unraised.covers(key, null)).isTrue();
    }

    /** If the program is killed during an announcement, its file still has the removal. */
    @Test
    void aRemovalBeingAnnouncedCountsAsUnannounced() {
        String first = add(MODEST);
        SharedUnraised.Kept taken = unraised.take(10).get(0);

        assertThat(unraised.isWaiting()).isFalse();
        assertThat(unraised.hasAny()).isTrue();
        assertThat(unraised.lines()).containsExactly(first + ' ' + MODEST);

        unraised.add(taken);
        unraised.over(taken);
        assertThat(unraised.lines()).containsExactly(first + ' ' + MODEST);
        assertThat(unraised.isWaiting()).isTrue();

        unraised.take(10).forEach(unraised::over);
        assertThat(unraised.hasAny()).isFalse();
        assertThat(unraised.lines()).isEmpty();
    }
}
