package dev.refrain.semantics.head;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.memory.MemoryBudget.Use;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How heads count in the memory budget, and which request ends when there is no memory. */
class HeadRoomTest {
    private static final int MIB = 1 << 20;
    private static final int TEN_KIB = 10 * 1024;
    private static final long EACH = HeadRoom.REQUEST_BYTES + (long) HeadRoom.HEAD_FACTOR * TEN_KIB;

    private final MemoryBudget memory = new MemoryBudget(8 * MIB);
    private final List<Integer> closed = new ArrayList<>();
    private int displaced;
    private boolean someoneWaits;
    private final HeadRoom heads = new HeadRoom(memory, HeadRoom.share(memory), () -> {
        displaced++;
        return someoneWaits;
    });

    private HeadRoom.Held partial(int number) {
        HeadRoom.Held held = heads.open(() -> closed.add(number));
        assertThat(held.take(TEN_KIB, false, false)).isTrue();
        return held;
    }

    @Test
    void unfinishedHeadsTakeAnEighthAndTheOldestEnds() {
        for (int i = 0; i < 1000; i++) {
            partial(i);
            assertThat(memory.usedBytes()).isLessThanOrEqualTo(MIB);
        }
        int left = (int) (MIB / EACH);
        assertThat(closed).hasSize(1000 - left).startsWith(0, 1, 2).isSorted();
        assertThat(memory.usedBytes()).isEqualTo(left * EACH);
    }

    @Test
    void aFinishedHeadLeavesThatShareAndCountsUntilItsRequestEnds() {
        HeadRoom.Held request = partial(-1);
        request.whole();
        for (int i = 0; i < 100; i++) {
            partial(i);
        }
        assertThat(closed).doesNotContain(-1).isNotEmpty();
        long before = memory.usedBytes();
        request.release();
        request.release();
        assertThat(memory.usedBytes()).isEqualTo(before - EACH);
    }

    @Test
    void aNewRequestTakesTheMemoryOfOneThatWaits() {
        assertThat(memory.reserve(MIB / 2 * 13, Use.UNDER_WAY)).isTrue();
        HeadRoom.Held request = heads.open(() -> {});
        assertThat(request.take(TEN_KIB, true, false)).isFalse();
        assertThat(request.take(TEN_KIB, true, true))
                .as("the request of a known client")
                .isTrue();
        request.release();
        someoneWaits = true;
        assertThat(request.take(TEN_KIB, true, false)).isTrue();
        assertThat(displaced).isEqualTo(2);
        request.close();
        assertThat(memory.usedBytes()).isEqualTo(MIB / 2 * 13);
    }

    @Test
    void aClosedConnectionTakesNothing() {
        HeadRoom.Held held = partial(0);
        held.close();
        assertThat(held.take(10, true, true)).isFalse();
        assertThat(memory.usedBytes()).isZero();
        // The request that was closed is not closed a second time.
        for (int i = 1; i < 100; i++) {
            partial(i);
        }
        assertThat(closed).doesNotContain(0);
    }
}
