package dev.refrain.http.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.memory.MemoryBudget.Use;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Which calls begin and which wait when the memory budget is used up. */
class AdmissionTest {
    private static final long BUDGET = 16L * Admission.CALL_BYTES;

    private final MemoryBudget memory = new MemoryBudget(BUDGET);
    private final Queue<Runnable> soon = new ArrayDeque<>();
    private final List<String> heard = new ArrayList<>();
    private long now;
    private int roomAskedFor;
    private final Admission admission =
            new Admission(memory, Runnable::run, soon::add, count -> roomAskedFor = count, () -> now);

    private Admission.Applicant call(String name) {
        return new Admission.Applicant() {
            @Override
            public void admitted() {
                heard.add(name);
            }

            @Override
            public void refused() {
                heard.add("no " + name);
            }
        };
    }

    private Admission.Entry enter(String name, boolean known) {
        return admission.enter(call(name), known);
    }

    private void fill() {
        for (int i = 0; i < 10; i++) {
            assertThat(enter("first", false)).isEqualTo(Admission.Entry.ADMITTED);
        }
    }

    private void look(long millisLater) {
        now += TimeUnit.MILLISECONDS.toNanos(millisLater);
        soon.remove().run();
    }

    @Test
    void aPartIsReservedForKnownClients() {
        fill();
        assertThat(enter("stranger", false)).isEqualTo(Admission.Entry.WAITS);
        assertThat(enter("known", true)).isEqualTo(Admission.Entry.ADMITTED);
        // Memory that a known client releases is still not for unknown clients.
        admission.leave();
        assertThat(heard).isEmpty();
        admission.leave();
        assertThat(heard).containsExactly("stranger");
    }

    @Test
    void theNewestWaitingCallGoesFirst() {
        fill();
        enter("a", false);
        enter("b", false);
        enter("c", false);
        admission.leave();
        assertThat(heard).as("waiting calls take room, too").isEmpty();
        admission.leave();
        assertThat(heard).containsExactly("c");
        admission.leave();
        assertThat(heard).containsExactly("c", "b", "a");
        assertThat(admission.waiting()).isZero();
    }

    @Test
    void memoryReleasedByOthersIsFoundSoon() {
        assertThat(memory.reserve(BUDGET / 4 * 3, Use.UNDER_WAY)).isTrue();
        enter("a", false);
        look(100);
        assertThat(heard).isEmpty();
        assertThat(roomAskedFor).isPositive();
        memory.release(BUDGET / 4 * 3);
        look(100);
        assertThat(heard).containsExactly("a");
        // No call waits, so nothing is checked.
        look(100);
        assertThat(soon).isEmpty();
        admission.leave();
        assertThat(memory.usedBytes()).isZero();
    }

    @Test
    void aCallWaitsTenSecondsAtMost() {
        fill();
        enter("a", false);
        look(9_900);
        enter("b", false);
        assertThat(heard).isEmpty();
        look(200);
        assertThat(heard).containsExactly("no a");
        look(9_900);
        assertThat(heard).containsExactly("no a", "no b");
        assertThat(memory.usedBytes()).isEqualTo(10L * Admission.CALL_BYTES);
    }

    @Test
    void aCallWithoutRoomToWaitTakesThePlaceOfTheOldest() {
        fill();
        int room = 0;
        while (heard.isEmpty()) {
            assertThat(enter("w" + room++, false)).isEqualTo(Admission.Entry.WAITS);
        }
        assertThat(heard).containsExactly("no w0");
        assertThat(admission.waiting()).isEqualTo(room - 1);
        assertThat(memory.hasRoom(1, Use.SHORT))
                .as("requests can still be read")
                .isTrue();
        assertThat(enter("known", true)).isEqualTo(Admission.Entry.WAITS);
        assertThat(heard).as("known clients have room of their own to wait").containsExactly("no w0");
    }

    @Test
    void withNoCallToDisplaceItIsRefused() {
        assertThat(memory.reserve(BUDGET, Use.UNDER_WAY)).isTrue();
        assertThat(enter("a", false)).isEqualTo(Admission.Entry.REFUSED);
        assertThat(soon).isEmpty();
    }

    @Test
    void aWithdrawnCallGivesBackItsPlace() {
        fill();
        Admission.Applicant call = call("a");
        admission.enter(call, true);
        admission.enter(call, true);
        Admission.Applicant waits = call("b");
        assertThat(admission.enter(waits, false)).isEqualTo(Admission.Entry.WAITS);
        admission.withdraw(waits);
        assertThat(memory.usedBytes()).isEqualTo(12L * Admission.CALL_BYTES);
        admission.withdraw(waits);
        assertThat(memory.usedBytes()).isEqualTo(12L * Admission.CALL_BYTES);
    }

    @Test
    void whileTheProxyClosesNothingIsBegunAndNothingKept() {
        Admission closing = new Admission(
                memory,
                task -> {
                    throw new RejectedExecutionException();
                },
                soon::add,
                count -> {},
                () -> now);
        for (int i = 0; i < 10; i++) {
            closing.enter(call("first"), false);
        }
        closing.enter(call("a"), false);
        for (int i = 0; i < 10; i++) {
            closing.leave();
        }
        assertThat(memory.usedBytes()).isZero();
    }
}
