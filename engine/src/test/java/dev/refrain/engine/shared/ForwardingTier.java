package dev.refrain.engine.shared;

import dev.refrain.engine.spi.SharedTier;
import java.time.Duration;
import java.util.concurrent.CompletionStage;

/** Forwards every call; tests override the methods that they change. */
public class ForwardingTier implements SharedTier {
    private final SharedTier tier;

    /** @param tier tier that gets the calls */
    public ForwardingTier(SharedTier tier) {
        this.tier = tier;
    }

    @Override
    public CompletionStage<Found> get(byte[] key) {
        return tier.get(key);
    }

    @Override
    public CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis) {
        return tier.put(key, entry, startedMicros, lifeMillis);
    }

    @Override
    public CompletionStage<Long> remove(byte[] key, long rememberMillis) {
        return tier.remove(key, rememberMillis);
    }

    @Override
    public CompletionStage<Raised> raise(byte[] barrier) {
        return tier.raise(barrier);
    }

    @Override
    public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
        return tier.lease(key, millis, wantedMillis);
    }

    @Override
    public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
        return tier.renew(key, token, millis);
    }

    @Override
    public CompletionStage<Boolean> release(byte[] key, long token) {
        return tier.release(key, token);
    }

    @Override
    public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
        return tier.append(key, token, number, piece);
    }

    @Override
    public CompletionStage<Pieces> read(byte[] key, long token, int from) {
        return tier.read(key, token, from);
    }

    @Override
    public void listen(long sinceMicros, Listener listener) {
        tier.listen(sinceMicros, listener);
    }

    @Override
    public boolean isAvailable() {
        return tier.isAvailable();
    }

    @Override
    public Duration timeout() {
        return tier.timeout();
    }

    @Override
    public void close() {
        tier.close();
    }
}
