package dev.refrain.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** One alarm serves all time limits. The test moves the clock. */
class DeadlinesTest {
    private static final long HOUR = 3_600_000_000_000L;

    private long now = Long.MAX_VALUE - HOUR; // overflows on the way
    private final List<SetAlarm> alarms = new ArrayList<>();
    private final List<Long> passed = new ArrayList<>();
    private final Deadlines deadlines = new Deadlines(() -> now, this::set);

    private static final class SetAlarm {
        final long at;
        final Runnable rings;
        boolean isOff;

        SetAlarm(long at, Runnable rings) {
            this.at = at;
            this.rings = rings;
        }
    }

    private Runnable set(long nanos, Runnable rings) {
        SetAlarm alarm = new SetAlarm(now + nanos, rings);
        alarms.add(alarm);
        return () -> alarm.isOff = true;
    }

    private Deadlines.Waiting add(long nanos) {
        long deadline = now + nanos;
        Deadlines.Waiting one = new Deadlines.Waiting() {
            @Override
            public long deadlineNanos() {
                return deadline;
            }

            @Override
            public void passed() {
                passed.add(nanos);
            }
        };
        deadlines.add(one);
        return one;
    }

    private void ring() {
        SetAlarm last = alarms.get(alarms.size() - 1);
        now = last.at;
        last.rings.run();
    }

    @Test
    void waitsThatEndInTimeSetOnlyTheFirstAlarm() {
        for (int i = 0; i < 1000; i++) {
            Deadlines.Waiting one = add(HOUR);
            now += 1000;
            deadlines.remove(one);
            assertThat(deadlines.contains(one)).isFalse();
        }
        assertThat(alarms).hasSize(1);
        ring();
        assertThat(alarms).hasSize(1);
        assertThat(passed).isEmpty();
        add(HOUR);
        assertThat(alarms).hasSize(2);
    }

    @Test
    void eachDeadlineIsReportedOnceAndNotTooEarly() {
        add(2 * HOUR);
        add(HOUR);
        add(3 * HOUR);
        assertThat(alarms).hasSize(2);
        assertThat(alarms.get(0).isOff).isTrue();
        // The first alarm had begun to ring before it was cancelled.
        alarms.get(0).rings.run();
        assertThat(alarms).hasSize(2);
        ring();
        assertThat(passed).containsExactly(HOUR);
        ring();
        ring();
        assertThat(passed).containsExactly(HOUR, 2 * HOUR, 3 * HOUR);
        assertThat(alarms).hasSize(4);
    }

    @Test
    void deadlinesCloseToEachOtherShareAnAlarm() {
        for (int i = 0; i < 1000; i++) {
            add(HOUR + i * 1000L);
        }
        ring();
        assertThat(passed).hasSize(1);
        ring();
        assertThat(passed).hasSize(1000);
        assertThat(alarms).hasSize(2);
    }

    @Test
    void aReportThatFailsIsRepeated() {
        int[] tries = {0};
        deadlines.add(new Deadlines.Waiting() {
            @Override
            public long deadlineNanos() {
                return now;
            }

            @Override
            public void passed() {
                if (++tries[0] == 1) {
                    throw new OutOfMemoryError("no thread for it");
                }
            }
        });
        assertThatThrownBy(this::ring).isInstanceOf(OutOfMemoryError.class);
        ring();
        assertThat(tries[0]).isEqualTo(2);
        assertThat(alarms).hasSize(2);
    }

    @Test
    void anAlarmThatRingsWhileItIsSetIsNotTheLastOne() {
        boolean[] isEarly = {true};
        Runnable[] set = {null};
        Deadlines own = new Deadlines(() -> now, (nanos, rings) -> {
            set[0] = rings;
            if (isEarly[0]) {
                isEarly[0] = false;
                rings.run();
            }
            return () -> {};
        });
        List<String> told = new ArrayList<>();
        own.add(waiting(now, () -> told.add(Thread.holdsLock(own) ? "with the monitor" : "first")));
        assertThat(told).containsExactly("first");
        set[0] = null;
        own.add(waiting(now + HOUR, () -> told.add("second")));
        assertThat(set[0]).as("the alarm for the second time limit").isNotNull();
        now += HOUR;
        set[0].run();
        assertThat(told).containsExactly("first", "second");
    }

    @Test
    void anAlarmThatRingsWhileItIsCancelledReportsNothingTwice() {
        Runnable[] set = {null};
        Deadlines own = new Deadlines(() -> now, (nanos, rings) -> {
            set[0] = rings;
            return rings;
        });
        List<String> told = new ArrayList<>();
        own.add(waiting(now + 2 * HOUR, () -> told.add("later")));
        own.add(waiting(now + HOUR, () -> told.add("sooner")));
        now += HOUR;
        set[0].run();
        now += HOUR;
        set[0].run();
        assertThat(told).containsExactly("sooner", "later");
    }

    @Test
    void anAlarmThatCannotBeSetLeavesTheOneBefore() {
        boolean[] fails = {false};
        List<Runnable> set = new ArrayList<>();
        Deadlines own = new Deadlines(() -> now, (nanos, rings) -> {
            if (fails[0]) {
                throw new OutOfMemoryError("no room for it");
            }
            set.add(rings);
            return set::clear;
        });
        List<String> told = new ArrayList<>();
        own.add(waiting(now + 2 * HOUR, () -> told.add("later")));
        fails[0] = true;
        assertThatThrownBy(() -> own.add(waiting(now + HOUR, () -> told.add("sooner"))))
                .isInstanceOf(OutOfMemoryError.class);
        fails[0] = false;
        now += 2 * HOUR;
        assertThat(set).hasSize(1);
        set.get(0).run();
        assertThat(told).containsExactlyInAnyOrder("sooner", "later");
    }

    @Test
    void aReportThatFailsDelaysNoOther() {
        List<Integer> told = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            int number = i;
            deadlines.add(waiting(now, () -> {
                told.add(number);
                if (number % 2 == 0 && told.size() <= 100) {
                    throw new IllegalStateException("not now");
                }
            }));
        }
        assertThatThrownBy(this::ring).isInstanceOf(IllegalStateException.class);
        assertThat(told).hasSize(100).doesNotHaveDuplicates();
        ring();
        assertThat(told).hasSize(150);
    }

    private static Deadlines.Waiting waiting(long deadline, Runnable passed) {
        return new Deadlines.Waiting() {
            @Override
            public long deadlineNanos() {
                return deadline;
            }

            @Override
            public void passed() {
                passed.run();
            }
        };
    }
}
