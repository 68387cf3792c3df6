package dev.refrain.engine.shared;

import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTier.Appended;
import dev.refrain.engine.spi.SharedTier.Found;
import dev.refrain.engine.spi.SharedTier.Lease;
import dev.refrain.engine.spi.SharedTier.Pieces;
import dev.refrain.engine.spi.SharedTier.Raised;
import dev.refrain.engine.spi.SharedTierException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The contract of {@link SharedTier}. Every tier must pass it, also a tier written elsewhere, so this class is in the
 * test-jar of this module. Machines are instances that share one tier, which is empty before each test.
 *
 * <p>Long, since it covers the whole contract, by subject.
 */
public abstract class SharedTierContract {
    /** Limit of an entry, in bytes, for which the tier under test is configured. */
    protected static final int MAX_ENTRY_BYTES = 16 << 20;

    /** Number of barriers that the tier under test must remember. */
    protected static final int MAX_BARRIERS = 100;

    /** Limit of a read of a stream, in bytes: its pieces without the last one are shorter than this in total. */
    private static final int MAX_READ_BYTES = 256 << 10;

    private static final long MINUTE = 60_000;
    /**
     * Length of a short lease, in milliseconds: long enough for the next call, and short enough to wait for its end.
     */
    private static final long MOMENT = 1_000;

    private final List<SharedTier> machines = new ArrayList<>();

    /** Connects another machine. */
    protected abstract SharedTier machine();

    /** Loses all that the tier keeps, like an engine that was emptied. */
    protected abstract void flush();

    private SharedTier open() {
        SharedTier machine = machine();
        machines.add(machine);
        return machine;
    }

    @AfterEach
    void closeMachines() {
        machines.forEach(SharedTier::close);
    }

    private static byte[] key(int seed) {
        byte[] key = new byte[SharedTier.KEY_LENGTH];
        new Random(seed).nextBytes(key);
        return key;
    }

    private static byte[] bytes(int length, int seed) {
        byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    private static byte[] name(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static <T> T of(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** Records the notices that it gets. */
    protected static class Recorder implements SharedTier.Listener {
        private final BlockingQueue<String> told = new LinkedBlockingQueue<>();

        @Override
        public void raised(byte[] barrier, long micros) {
            told.add("raised " + new String(barrier, StandardCharsets.UTF_8));
        }

        @Override
        public void caughtUp(long micros) {
            told.add("caught up");
        }

        @Override
        public void lost() {
            told.add("lost");
        }

        @Override
        public void incomplete(long micros) {
            told.add("incomplete");
        }

        @Override
        public void released(byte[] key) {
            told.add("released " + HexFormat.of().formatHex(key));
        }

        @Override
        public void wanted(byte[] key) {
            told.add("wanted " + HexFormat.of().formatHex(key));
        }

        @Override
        public void appended(byte[] key) {
            told.add("appended " + HexFormat.of().formatHex(key));
        }

        /** The next notice that is not "caught up". */
        protected String next() {
            try {
                String notice = told.poll(30, TimeUnit.SECONDS);
                return "caught up".equals(notice) ? next() : notice;
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        /** All notices until "caught up". */
        protected List<String> untilCaughtUp() {
            List<String> all = new ArrayList<>();
            try {
                for (String notice = told.poll(30, TimeUnit.SECONDS);
                        !"caught up".equals(notice);
                        notice = told.poll(30, TimeUnit.SECONDS)) {
                    assertThat(notice).as("a notice after %s", all).isNotNull();
                    all.add(notice);
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return all;
        }
    }

    private static Recorder listening(SharedTier machine) {
        Recorder recorder = new Recorder();
        machine.listen(0, recorder);
        recorder.untilCaughtUp();
        return recorder;
    }

    private static String hex(byte[] key) {
        return HexFormat.of().formatHex(key);
    }

    // ---- entries

    @Test
    void anUnknownKeyIsAbsent() {
        SharedTier tier = open();
        Found found = of(tier.get(key(1)));
        assertThat(found.entry()).isNull();
        assertThat(found.micros()).isPositive();
        assertThat(tier.isAvailable()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 100, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5_000_000, MAX_ENTRY_BYTES})
    void otherMachinesFindTheEntryOfOne(int length) {
        SharedTier one = open();
        SharedTier other = open();
        byte[] entry = bytes(length, length);
        long started = of(one.get(key(1))).micros();
        assertThat(of(one.put(key(1), entry, started, MINUTE))).isTrue();
        assertThat(Arrays.equals(of(other.get(key(1))).entry(), entry)).isTrue();
        assertThat(of(other.get(key(2))).entry()).isNull();
    }

    @Test
    void keysMayBeAnyBytes() {
        SharedTier tier = open();
        byte[] zeros = new byte[SharedTier.KEY_LENGTH];
        byte[] ones = new byte[SharedTier.KEY_LENGTH];
        Arrays.fill(ones, (byte) -1);
        byte[] braces = name("{refrain}\r\n*1$4 get ~~~~~~~~~~~~");
        long started = of(tier.get(zeros)).micros();
        int number = 0;
        for (byte[] key : List.of(zeros, ones, braces)) {
            assertThat(of(tier.put(key, bytes(10, ++number), started, MINUTE))).isTrue();
        }
        number = 0;
        for (byte[] key : List.of(zeros, ones, braces)) {
            assertThat(of(tier.get(key)).entry()).isEqualTo(bytes(10, ++number));
        }
    }

    @Test
    void anEntryThatIsTooLongIsRefused() {
        SharedTier tier = open();
        long started = of(tier.get(key(1))).micros();
        assertThat(of(tier.put(key(1), new byte[MAX_ENTRY_BYTES + 1], started, MINUTE)))
                .isFalse();
        assertThat(of(tier.get(key(1))).entry()).isNull();
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 2_000_000})
    void anEntryIsGoneAfterItsLifetime(int length) {
        SharedTier tier = open();
        long started = of(tier.get(key(1))).micros();
        assertThat(of(tier.put(key(1), bytes(length, 1), started, 1))).isTrue();
        until(() -> of(tier.get(key(1))).entry() == null);
    }

    @Test
    void theEntryWhoseFetchBeganLaterStays() {
        SharedTier one = open();
        SharedTier other = open();
        long early = of(one.get(key(1))).micros();
        long late = early + 1_000;
        assertThat(of(other.put(key(1), bytes(50, 2), late, MINUTE))).isTrue();
        assertThat(of(one.put(key(1), bytes(50, 1), early, MINUTE))).isFalse();
        assertThat(of(one.get(key(1))).entry()).isEqualTo(bytes(50, 2));
        assertThat(of(one.put(key(1), bytes(3_000_000, 3), late + 1, MINUTE))).isTrue();
        assertThat(of(one.put(key(1), bytes(50, 1), late, MINUTE))).isFalse();
        assertThat(Arrays.equals(of(other.get(key(1))).entry(), bytes(3_000_000, 3)))
                .isTrue();
        assertThat(of(other.put(key(1), bytes(50, 4), late + 2, MINUTE))).isTrue();
        assertThat(of(one.get(key(1))).entry()).isEqualTo(bytes(50, 4));
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 2_000_000})
    void aRemovedEntryIsGoneAndOneFetchedBeforeIsRefused(int length) {
        SharedTier one = open();
        SharedTier other = open();
        byte[] entry = bytes(length, 1);
        long before = of(one.get(key(1))).micros();
        assertThat(of(one.put(key(1), entry, before, MINUTE))).isTrue();
        long removed = of(other.remove(key(1), MINUTE));
        assertThat(removed).isGreaterThanOrEqualTo(before);
        assertThat(of(one.get(key(1))).entry()).isNull();
        assertThat(of(one.put(key(1), entry, before, MINUTE))).isFalse();
        assertThat(of(one.put(key(1), entry, removed, MINUTE))).isFalse();
        assertThat(of(other.get(key(1))).entry()).isNull();
        assertThat(of(other.put(key(1), entry, removed + 1, MINUTE))).isTrue();
        assertThat(Arrays.equals(of(one.get(key(1))).entry(), entry)).isTrue();
    }

    @Test
    void aRemovalIsRememberedForAsLongAsItWasAsked() {
        SharedTier tier = open();
        long before = of(tier.get(key(1))).micros();
        of(tier.remove(key(1), 1));
        until(() -> of(tier.put(key(1), bytes(10, 1), before, MINUTE)));
    }

    // ---- barriers

    @Test
    void allConnectedMachinesHearOfABarrier() {
        SharedTier one = open();
        SharedTier other = open();
        Recorder first = listening(one);
        Recorder second = listening(other);
        Raised a = of(one.raise(name("a")));
        Raised b = of(other.raise(name("b")));
        assertThat(a.unheard()).isZero();
        assertThat(b.unheard()).isZero();
        assertThat(b.micros()).isGreaterThan(a.micros());
        for (Recorder recorder : List.of(first, second)) {
            assertThat(recorder.next()).isEqualTo("raised a");
            assertThat(recorder.next()).isEqualTo("raised b");
        }
    }

    /** When a barrier is acknowledged, it has taken effect on every machine. */
    @Test
    void raisingEndsWhenAllMachinesHaveHeard() throws InterruptedException {
        SharedTier one = open();
        SharedTier other = open();
        CountDownLatch told = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Recorder blocked = new Recorder() {
            @Override
            public void raised(byte[] barrier, long micros) {
                told.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                super.raised(barrier, micros);
            }
        };
        other.listen(0, blocked);
        blocked.untilCaughtUp();
        listening(one);
        CompletableFuture<Raised> raised = one.raise(name("a")).toCompletableFuture();
        assertThat(told.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(raised).isNotDone();
        goOn.countDown();
        assertThat(of(raised).unheard()).isZero();
        assertThat(blocked.next()).isEqualTo("raised a");
    }

    /** Each name is reported with its latest time. Barriers from before the requested time are not reported. */
    @Test
    void aMachineThatWasAwayHearsOfBarriersRaisedMeanwhile() {
        SharedTier one = open();
        long first = of(one.raise(name("a"))).micros();
        of(one.raise(name("b")));
        long third = of(one.raise(name("c"))).micros();
        of(one.raise(name("b")));
        Recorder since = new Recorder();
        open().listen(first, since);
        assertThat(since.untilCaughtUp()).containsExactly("raised c", "raised b");
        Recorder later = new Recorder();
        open().listen(third, later);
        assertThat(later.untilCaughtUp()).containsExactly("raised b");
    }

    @Test
    void aMachineThatWasAwayForTooLongIsToldSo() {
        SharedTier one = open();
        long first = of(one.raise(name("first"))).micros();
        long second = of(one.raise(name("second"))).micros();
        for (int i = 0; i < MAX_BARRIERS; i++) {
            of(one.raise(name("name " + i)));
        }
        Recorder enough = new Recorder();
        open().listen(second, enough);
        assertThat(enough.untilCaughtUp()).hasSize(MAX_BARRIERS).doesNotContain("incomplete");
        Recorder tooLong = new Recorder();
        open().listen(first, tooLong);
        assertThat(tooLong.untilCaughtUp()).startsWith("incomplete").hasSize(MAX_BARRIERS + 1);
    }

    /** Barriers from before the flush are lost, and no machine can know them. */
    @Test
    void afterATierWasEmptiedNoMachineIsUpToDate() {
        SharedTier one = open();
        long before = of(one.raise(name("a"))).micros();
        flush();
        Recorder recorder = new Recorder();
        open().listen(before, recorder);
        assertThat(recorder.untilCaughtUp()).containsExactly("incomplete");
    }

    @Test
    void barriersOfOneMomentHaveTimesOfTheirOwn() {
        SharedTier one = open();
        SharedTier other = open();
        List<CompletionStage<Raised>> all = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            all.add((i % 2 == 0 ? one : other).raise(name("same")));
        }
        assertThat(all.stream().map(stage -> of(stage).micros())).doesNotHaveDuplicates();
    }

    // ---- leases

    @Test
    void oneMachineHoldsALeaseAndOthersWait() {
        SharedTier one = open();
        SharedTier other = open();
        Recorder first = listening(one);
        Recorder second = listening(other);
        Lease mine = of(one.lease(key(1), MINUTE, MINUTE));
        assertThat(mine.mine()).isTrue();
        Lease theirs = of(other.lease(key(1), MINUTE, MINUTE));
        assertThat(theirs).isEqualTo(new Lease(mine.micros(), false, false));
        assertThat(first.next()).isEqualTo("wanted " + hex(key(1)));
        assertThat(of(one.lease(key(1), MINUTE, MINUTE)).mine()).isFalse();
        assertThat(of(other.lease(key(2), MINUTE, MINUTE)).mine()).isTrue();
        assertThat(of(one.release(key(1), mine.micros()))).isTrue();
        assertThat(second.next()).isEqualTo("released " + hex(key(1)));
        Lease next = of(other.lease(key(1), MINUTE, MINUTE));
        assertThat(next.mine()).isTrue();
        assertThat(next.micros()).isGreaterThan(mine.micros());
        assertThat(of(one.release(key(1), mine.micros()))).isFalse();
        assertThat(of(one.lease(key(1), MINUTE, MINUTE))).isEqualTo(new Lease(next.micros(), false, false));
    }

    /** A machine with many waiting requests hears of its own keys only. */
    @Test
    void aMachineThatDoesNotWaitIsNotWoken() {
        SharedTier one = open();
        SharedTier other = open();
        Recorder recorder = listening(other);
        Lease mine = of(one.lease(key(1), MINUTE, MINUTE));
        of(one.append(key(1), mine.micros(), 0, bytes(10, 1)));
        of(one.release(key(1), mine.micros()));
        of(one.raise(name("a")));
        assertThat(recorder.next()).isEqualTo("raised a");
    }

    @Test
    void aLeaseLapsesUnlessItIsRenewed() {
        SharedTier one = open();
        SharedTier other = open();
        Lease renewed = of(one.lease(key(1), MOMENT, MINUTE));
        assertThat(of(one.renew(key(1), renewed.micros(), MINUTE))).isTrue();
        Lease lapsing = of(one.lease(key(2), MOMENT, MINUTE));
        List<Lease> next = new ArrayList<>();
        until(() -> {
            Lease lease = of(other.lease(key(2), MINUTE, MINUTE));
            next.add(lease);
            return lease.mine();
        });
        assertThat(next.get(next.size() - 1).micros()).isGreaterThan(lapsing.micros());
        // The renewed lease is older than the lapsed one, so without the renewal it would have lapsed by now.
        assertThat(of(other.lease(key(1), MINUTE, MINUTE))).isEqualTo(new Lease(renewed.micros(), false, false));
        assertThat(of(one.renew(key(2), lapsing.micros(), MINUTE))).isFalse();
        assertThat(of(one.release(key(2), lapsing.micros()))).isFalse();
        assertThat(of(one.lease(key(2), MINUTE, MINUTE)).mine()).isFalse();
    }

    /** A live holder hears that its lease is wanted and extends it; the lease of a dead holder ends early. */
    @Test
    void wantingALeaseShortensIt() {
        SharedTier one = open();
        SharedTier other = open();
        Lease kept = of(one.lease(key(1), MINUTE, MINUTE));
        Lease lapsing = of(one.lease(key(2), MINUTE, MINUTE));
        assertThat(of(other.lease(key(1), MINUTE, MOMENT)).mine()).isFalse();
        assertThat(of(other.lease(key(2), MINUTE, MOMENT)).mine()).isFalse();
        assertThat(of(one.renew(key(1), kept.micros(), MINUTE))).isTrue();
        until(() -> of(other.lease(key(2), MINUTE, MINUTE)).mine());
        assertThat(of(one.renew(key(2), lapsing.micros(), MINUTE))).isFalse();
        // This lease was wanted first, so it would have lapsed by now if it had not been extended.
        assertThat(of(other.lease(key(1), MINUTE, MINUTE)).mine()).isFalse();
    }

    /** The new holder of a lease thus knows whether it has to look the entry up again. */
    @ParameterizedTest
    @ValueSource(ints = {100, 2_000_000})
    void aLeaseTellsWhetherThereIsAnEntry(int length) {
        SharedTier one = open();
        SharedTier other = open();
        Lease before = of(one.lease(key(1), MINUTE, MINUTE));
        assertThat(before.stored()).isFalse();
        assertThat(of(one.put(key(1), bytes(length, 1), before.micros(), MINUTE)))
                .isTrue();
        assertThat(of(other.lease(key(1), MINUTE, MINUTE))).isEqualTo(new Lease(before.micros(), false, true));
        assertThat(of(one.release(key(1), before.micros()))).isTrue();
        Lease next = of(other.lease(key(1), MINUTE, MINUTE));
        assertThat(next.mine()).isTrue();
        assertThat(next.stored()).isTrue();
        of(other.release(key(1), next.micros()));
        of(one.remove(key(1), MINUTE));
        assertThat(of(one.lease(key(1), MINUTE, MINUTE)).stored()).isFalse();
    }

    @Test
    void oneOfManyGetsTheLease() throws InterruptedException, ExecutionException {
        List<SharedTier> tiers = List.of(open(), open(), open());
        ExecutorService threads = Executors.newFixedThreadPool(6);
        try {
            for (int round = 0; round < 20; round++) {
                byte[] key = key(round);
                CountDownLatch start = new CountDownLatch(1);
                List<Future<Lease>> asked = new ArrayList<>();
                for (int i = 0; i < 6; i++) {
                    SharedTier tier = tiers.get(i % 3);
                    asked.add(threads.submit(() -> {
                        start.await();
                        return of(tier.lease(key, MINUTE, MINUTE));
                    }));
                }
                start.countDown();
                List<Lease> leases = new ArrayList<>();
                for (Future<Lease> one : asked) {
                    leases.add(one.get());
                }
                assertThat(leases).filteredOn(Lease::mine).hasSize(1);
                assertThat(leases.stream().map(Lease::micros).distinct()).hasSize(1);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    // ---- live streams

    @Test
    void aStreamIsReadInOrderFromAnyPiece() {
        SharedTier one = open();
        SharedTier other = open();
        Recorder recorder = listening(other);
        long token = of(one.lease(key(1), MINUTE, MINUTE)).micros();
        of(other.lease(key(1), MINUTE, MINUTE));
        assertThat(of(other.read(key(1), token, 0)).pieces()).isEmpty();
        assertThat(of(other.read(key(1), token, 0)).live()).isTrue();
        for (int i = 0; i < 5; i++) {
            assertThat(of(one.append(key(1), token, i, bytes(i, i)))).isEqualTo(Appended.TAKEN);
            assertThat(recorder.next()).isEqualTo("appended " + hex(key(1)));
        }
        for (int from = 0; from < 6; from++) {
            Pieces pieces = of(other.read(key(1), token, from));
            assertThat(pieces.live()).isTrue();
            assertThat(pieces.pieces()).hasSize(5 - from);
            for (int i = 0; i < pieces.pieces().size(); i++) {
                assertThat(pieces.pieces().get(i)).isEqualTo(bytes(from + i, from + i));
            }
        }
    }

    /** A read is bounded; the rest is read next. */
    @Test
    void aLongStreamIsReadInSeveralGoes() {
        SharedTier one = open();
        SharedTier other = open();
        long token = of(one.lease(key(1), MINUTE, MINUTE)).micros();
        int count = 60;
        for (int i = 0; i < count; i++) {
            assertThat(of(one.append(key(1), token, i, bytes(50_000, i)))).isEqualTo(Appended.TAKEN);
        }
        int read = 0;
        int goes = 0;
        while (read < count) {
            List<byte[]> pieces = of(other.read(key(1), token, read)).pieces();
            assertThat(pieces).hasSizeBetween(1, MAX_READ_BYTES / 50_000 + 1);
            for (byte[] piece : pieces) {
                assertThat(Arrays.equals(piece, bytes(50_000, read++))).isTrue();
            }
            goes++;
        }
        assertThat(goes).isGreaterThan(1);
    }

    /** Anybody with write access to the tier may have put the piece there. */
    @Test
    void aPieceOfMaximumLengthIsReadAlone() {
        SharedTier tier = open();
        long token = of(tier.lease(key(1), MINUTE, MINUTE)).micros();
        for (int i = 0; i < 4; i++) {
            assertThat(of(tier.append(key(1), token, i, bytes(MAX_READ_BYTES, i))))
                    .isEqualTo(Appended.TAKEN);
        }
        for (int i = 0; i < 4; i++) {
            assertThat(of(tier.read(key(1), token, i)).pieces()).hasSize(1);
        }
    }

    @Test
    void aStreamEndsWithItsLease() {
        SharedTier one = open();
        SharedTier other = open();
        long token = of(one.lease(key(1), MINUTE, MINUTE)).micros();
        assertThat(of(one.append(key(1), token, 0, bytes(10, 1)))).isEqualTo(Appended.TAKEN);
        assertThat(of(one.append(key(1), token + 1, 0, bytes(10, 2)))).isEqualTo(Appended.REFUSED);
        assertThat(of(one.release(key(1), token))).isTrue();
        Pieces rest = of(other.read(key(1), token, 0));
        assertThat(rest.live()).isFalse();
        assertThat(rest.pieces()).hasSize(1);
        assertThat(of(one.append(key(1), token, 1, bytes(10, 3)))).isNotEqualTo(Appended.TAKEN);
        long next = of(other.lease(key(1), MINUTE, MINUTE)).micros();
        assertThat(of(other.read(key(1), next, 0))).isEqualTo(new Pieces(List.of(), true, 0));
        // A follower can read the rest.
        Pieces after = of(one.read(key(1), token, 0));
        assertThat(after.live()).isFalse();
        assertThat(after.pieces()).hasSize(1);
    }

    /** A lease may lapse during a pause of the tier, or of a machine. */
    @Test
    void aLapsedLeaseCanBeRenewedIfNobodyElseHoldsIt() {
        SharedTier one = open();
        SharedTier other = open();
        long token = of(one.lease(key(1), MOMENT, MINUTE)).micros();
        assertThat(of(one.append(key(1), token, 0, bytes(10, 0)))).isEqualTo(Appended.TAKEN);
        until(() -> !of(other.read(key(1), token, 0)).live());
        // With a length of 0 the other machine does not ask for the lease itself, but only wants the holder's answer.
        assertThat(of(other.lease(key(1), 0, MINUTE))).isEqualTo(new Lease(0, false, false));
        assertThat(of(one.append(key(1), token, 1, bytes(10, 1)))).isEqualTo(Appended.TAKEN);
        assertThat(of(other.read(key(1), token, 0)).live()).isTrue();
        until(() -> !of(other.read(key(1), token, 0)).live());
        assertThat(of(one.renew(key(1), token, MINUTE))).isTrue();
        assertThat(of(other.read(key(1), token, 0))).satisfies(pieces -> {
            assertThat(pieces.live()).isTrue();
            assertThat(pieces.pieces()).hasSize(2);
        });
        assertThat(of(other.lease(key(1), 0, MINUTE))).isEqualTo(new Lease(token, false, false));
        flush();
        assertThat(of(one.renew(key(1), token, MINUTE))).isTrue();
        assertThat(of(other.lease(key(1), MINUTE, MINUTE)).mine()).isFalse();
        assertThat(of(one.append(key(1), token, 2, bytes(10, 2)))).isEqualTo(Appended.LOST);
    }

    /** The tier may have lost its reply to an append, or all of its data. */
    @Test
    void aPieceIsAppendedOnceAndOnlyAfterThoseBefore() {
        SharedTier tier = open();
        long token = of(tier.lease(key(1), MINUTE, MINUTE)).micros();
        assertThat(of(tier.append(key(1), token, 1, bytes(10, 1)))).isEqualTo(Appended.LOST);
        assertThat(of(tier.append(key(1), token, 0, bytes(10, 0)))).isEqualTo(Appended.TAKEN);
        assertThat(of(tier.append(key(1), token, 0, bytes(10, 0)))).isEqualTo(Appended.TAKEN);
        assertThat(of(tier.append(key(1), token, 1, bytes(10, 1)))).isEqualTo(Appended.TAKEN);
        assertThat(of(tier.append(key(1), token, 3, bytes(10, 3)))).isEqualTo(Appended.LOST);
        assertThat(of(tier.read(key(1), token, 0)).pieces()).containsExactly(bytes(10, 0), bytes(10, 1));
    }

    /** The tier was emptied, or has lost the end of the stream. */
    @Test
    void aLostStreamIsBegunAnew() {
        SharedTier one = open();
        SharedTier other = open();
        long token = of(one.lease(key(1), MINUTE, MINUTE)).micros();
        for (int i = 0; i < 3; i++) {
            assertThat(of(one.append(key(1), token, i, bytes(10, i)))).isEqualTo(Appended.TAKEN);
        }
        flush();
        assertThat(of(other.read(key(1), token, 3))).isEqualTo(new Pieces(List.of(), false, 0));
        assertThat(of(one.append(key(1), token, 3, bytes(10, 3)))).isEqualTo(Appended.LOST);
        // With the first piece, the machine takes the lease again, unless another machine holds it.
        assertThat(of(one.append(key(1), token, 0, bytes(10, 4)))).isEqualTo(Appended.TAKEN);
        assertThat(of(other.lease(key(1), MINUTE, MINUTE))).isEqualTo(new Lease(token, false, false));
        assertThat(of(one.append(key(1), token, 1, bytes(10, 5)))).isEqualTo(Appended.TAKEN);
        assertThat(of(other.read(key(1), token, 0)).pieces()).containsExactly(bytes(10, 4), bytes(10, 5));
        // A stream that still exists is begun anew as well.
        assertThat(of(one.append(key(1), token, 0, bytes(10, 6)))).isEqualTo(Appended.TAKEN);
        assertThat(of(other.read(key(1), token, 0)).pieces()).containsExactly(bytes(10, 6));
        flush();
        assertThat(of(other.lease(key(1), MINUTE, MINUTE)).mine()).isTrue();
        assertThat(of(one.append(key(1), token, 0, bytes(10, 7)))).isEqualTo(Appended.REFUSED);
    }

    @Test
    void aStreamThatIsTooLongIsRefused() {
        SharedTier tier = open();
        long token = of(tier.lease(key(1), MINUTE, MINUTE)).micros();
        int piece = 1 << 20;
        for (int sent = 0; sent < MAX_ENTRY_BYTES; sent += piece) {
            assertThat(of(tier.append(key(1), token, sent / piece, new byte[piece])))
                    .isEqualTo(Appended.TAKEN);
        }
        assertThat(of(tier.append(key(1), token, MAX_ENTRY_BYTES / piece, new byte[1])))
                .isEqualTo(Appended.REFUSED);
    }

    // ---- arguments and closing

    @Test
    void invalidArgumentsAreRefusedAtOnce() {
        SharedTier tier = open();
        assertThatThrownBy(() -> tier.get(new byte[31])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tier.put(key(1), new byte[1], 1, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tier.remove(key(1), -1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tier.raise(new byte[0])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tier.raise(new byte[SharedTier.MAX_BARRIER_LENGTH + 1]))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> tier.lease(new byte[33], 1, 1)).isInstanceOf(IllegalArgumentException.class);
        listening(tier);
        assertThatThrownBy(() -> tier.listen(0, new Recorder())).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void afterClosingCallsFail() {
        SharedTier tier = open();
        of(tier.get(key(1)));
        tier.close();
        tier.close();
        assertThat(tier.isAvailable()).isFalse();
        for (CompletionStage<?> stage : List.of(
                tier.get(key(1)),
                tier.put(key(1), new byte[1], 1, MINUTE),
                tier.remove(key(1), MINUTE),
                tier.raise(name("a")),
                tier.lease(key(1), MINUTE, MINUTE),
                tier.renew(key(1), 1, MINUTE),
                tier.release(key(1), 1),
                tier.append(key(1), 1, 0, new byte[1]),
                tier.read(key(1), 1, 0))) {
            assertThatThrownBy(() -> stage.toCompletableFuture().get(30, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(SharedTierException.class);
        }
    }
}
