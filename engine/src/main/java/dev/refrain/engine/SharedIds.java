package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.spi.SharedTier;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.LongSupplier;

/**
 * Makes the ids of hits known to all machines (wire rule W26b). The note that maps an answer's ids to the provider's id
 * is sent to the tier only when a client gets the first of these ids, since most answers are never hit. A machine that
 * receives an id that it does not know asks the tier for the note, and stores it.
 *
 * <p>A note is sealed like an entry, and has the same key as in a store. Thread-safe.
 */
final class SharedIds {
    /**
     * How long the tier keeps a note after its answer has expired. The machine that fetched the answer keeps it longer.
     */
    private static final long KEPT_MILLIS = TimeUnit.DAYS.toMillis(7);

    /** The longest sealed note, in bytes. */
    private static final int MAX_BYTES = IssuedIds.MAX_NOTE_LENGTH + EntrySeal.OVERHEAD;

    /**
     * Number of slots that remember which answers' notes have been sent: 512 KiB. If two answers share a slot, the
     * older one is forgotten, and its note may be sent again.
     */
    private static final int PLACES = 64 * 1024;

    /** A note may be sent again after this time, in case the tier has lost it. */
    private static final long AGAIN_NANOS = TimeUnit.MINUTES.toNanos(10);

    private static final long PERIOD_FACTOR = 0x9E3779B97F4A7C15L;

    private final SharedTier tier;
    private final SharedEntries entries;
    private final IssuedIds ids;
    private final LongSupplier nanos;
    private final boolean reads;
    private final boolean writes;
    private final AtomicLongArray sent = new AtomicLongArray(PLACES);
    private final Pool<EntrySeal> seals = new Pool<>(EntrySeal::new);

    SharedIds(
            SharedTier tier, SharedEntries entries, IssuedIds ids, LongSupplier nanos, boolean reads, boolean writes) {
        this.tier = tier;
        this.entries = entries;
        this.ids = ids;
        this.nanos = nanos;
        this.reads = reads;
        this.writes = writes;
    }

    // ---- telling

    /** Notes that a client has received an id that was made for a hit, and sends the note of the id to the tier. */
    void given(KeyBuffer key, byte[] entry) {
        if (IssuedIds.canBeGivenBack(key.endpoint())) {
            given(key.knownScope(), EntryCodec.tag(entry));
        }
    }

    /**
     * Sends an answer's note to the tier, since a follower of the call has received an id of the answer. Called only
     * after the note was stored here.
     *
     * @param tag from which the id was made
     */
    void given(CacheKey key, long tag) {
        if (IssuedIds.canBeGivenBack(key.endpoint())) {
            given(key.knownScope(), tag);
        }
    }

    private void given(CacheScope scope, long tag) {
        if (!writes || scope == null || scope.sealKey() == null) {
            return;
        }
        int place = (int) (tag & (PLACES - 1));
        long mark = tag ^ (nanos.getAsLong() / AGAIN_NANOS + 1) * PERIOD_FACTOR;
        if (sent.get(place) == mark || !tier.isAvailable()) {
            return;
        }
        sent.set(place, mark);
        if (!entries.executeToSend(() -> send(scope, tag, place, mark))) {
            sent.compareAndSet(place, mark, 0);
        }
    }

    private void send(CacheScope scope, long tag, int place, long mark) {
        byte[] digest = IssuedIds.digest(scope, tag);
        EntryBuffer note = ids.note(scope, digest);
        long life = note == null ? 0 : ids.lifeLeft(note) - IssuedIds.LIFETIME_MILLIS + KEPT_MILLIS;
        long now = entries.nowMicros();
        if (life <= 0) {
            return;
        }
        if (now == 0) {
            // The tier's time is not known yet.
            sent.compareAndSet(place, mark, 0);
            return;
        }
        EntryBuffer sealed = new EntryBuffer(MAX_BYTES);
        EntrySeal seal = seals.take();
        seal.seal(scope.sealKey(), digest, note, now, sealed);
        seals.give(seal);
        byte[] value = Arrays.copyOf(sealed.bytes(), sealed.length());
        var unused = tier.put(digest, value, now, life).whenComplete((taken, failure) -> {
            if (failure != null) {
                sent.compareAndSet(place, mark, 0);
            }
        });
    }

    // ---- asking

    /**
     * Asks the tier about an id that this machine does not know.
     *
     * @return completes when this machine knows the id, or cannot learn it now, and never fails. Null if the tier is
     *     not asked at all
     */
    CompletionStage<Void> ask(CacheScope scope, String id) {
        if (!reads || scope.sealKey() == null || !tier.isAvailable()) {
            return null;
        }
        byte[] digest = ids.digestOf(scope, id);
        CompletableFuture<Void> known = new CompletableFuture<>();
        var unused = tier.get(digest).whenComplete((found, failure) -> {
            byte[] note = failure == null ? found.entry() : null;
            if (note == null || note.length > MAX_BYTES) {
                entries.execute(() -> known.complete(null));
                return;
            }
            entries.execute(() -> {
                try {
                    learn(scope, digest, note);
                } finally {
                    known.complete(null);
                }
            });
        });
        return known;
    }

    /**
     * Stores a note of the tier if it is genuine. Others can write to the tier, so a note from there may be anything.
     */
    private void learn(CacheScope scope, byte[] digest, byte[] sealed) {
        EntryBuffer open = new EntryBuffer(sealed.length);
        EntrySeal seal = seals.take();
        boolean isGenuine = seal.open(scope.sealKey(), digest, EntryBuffer.of(sealed), open);
        seals.give(seal);
        if (isGenuine && open.length() > EntryHead.LENGTH && open.bytes()[EntryHead.KIND] == EntryHead.NOTE) {
            ids.keep(scope, digest, open);
        }
    }
}
