package dev.refrain.engine;

import dev.refrain.engine.shared.ForwardingTier;
import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTierException;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * The contract of purges, on a tier whose answers come on other threads, in any order, and sometimes never, whether the
 * command has taken effect or not. Nobody waits for ever, nothing is held for good, and no answer is too old.
 */
class SharedPurgesWithFaultsTest extends SharedPurgesTest {
    private final Random random = new Random(17);

    @Override
    protected Connection connection() {
        Connection sound = super.connection();
        SharedTier faulty = new FaultyTier(sound.tier());
        return new Connection() {
            @Override
            public SharedTier tier() {
                return faulty;
            }

            @Override
            public void cut() {
                sound.cut();
            }

            @Override
            public void join() {
                sound.join();
            }
        };
    }

    /** Commands that raise a barrier never fail, so that the test knows which purges were acknowledged. */
    private final class FaultyTier extends ForwardingTier {
        FaultyTier(SharedTier of) {
            super(of);
        }

        private <T> CompletionStage<T> maybe(Supplier<CompletionStage<T>> call) {
            int chance;
            synchronized (random) {
                chance = random.nextInt(60);
            }
            if (chance == 0) {
                return CompletableFuture.failedStage(new SharedTierException("as a test has it", null));
            }
            Executor other = chance < 20
                    ? ForkJoinPool.commonPool()
                    : CompletableFuture.delayedExecutor(chance * 20L, TimeUnit.MICROSECONDS);
            CompletionStage<T> answer = call.get();
            return answer.thenApplyAsync(
                    said -> {
                        if (chance == 1) {
                            throw new CompletionException(new SharedTierException("as a test has it", null));
                        }
                        return said;
                    },
                    other);
        }

        @Override
        public CompletionStage<Found> get(byte[] key) {
            return maybe(() -> super.get(key));
        }

        @Override
        public CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis) {
            return maybe(() -> super.put(key, entry, startedMicros, lifeMillis));
        }

        @Override
        public CompletionStage<Long> remove(byte[] key, long rememberMillis) {
            return maybe(() -> super.remove(key, rememberMillis));
        }

        @Override
        public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
            return maybe(() -> super.lease(key, millis, wantedMillis));
        }

        @Override
        public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
            return maybe(() -> super.renew(key, token, millis));
        }

        @Override
        public CompletionStage<Boolean> release(byte[] key, long token) {
            return maybe(() -> super.release(key, token));
        }

        @Override
        public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
            return maybe(() -> super.append(key, token, number, piece));
        }

        @Override
        public CompletionStage<Pieces> read(byte[] key, long token, int from) {
            return maybe(() -> super.read(key, token, from));
        }
    }
}
