package dev.refrain.engine;

import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.internal.events.Events;
import dev.refrain.engine.internal.events.LookupEvent;
import dev.refrain.engine.internal.events.StoreEvent;
import dev.refrain.engine.internal.ids.HitIds;
import dev.refrain.engine.internal.seal.EntrySeal;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.EntryFacts;
import java.time.Clock;

/**
 * Reads answers from the store, or from the hot copies in memory, and puts answers into the store. Thread-safe.
 *
 * <p>Long, since every answer that is read or put is sealed, opened and checked here and nowhere else.
 */
final class Entries {
    /**
     * How far the clocks of processes that share a store may differ. An entry that was stored further in the future
     * than this is not fresh (W19b).
     */
    private static final long GRACE_MILLIS = 5_000;

    private final CacheStore store;
    private final Clock clock;
    private final long staleIfErrorMillis;
    private final Counters counters;
    private final CaptureFaults faults;
    private final MemoryBudget memory;
    private final EntryCodec codec;
    private final StoreSeal seal;
    /** The hot copies; null if the cache keeps none. */
    private final HotAnswers hot;

    /**
     * Tells whether this machine is cut off from the shared tier; null without one. Set once, before the first request.
     */
    private SharedNotices shared;
    /** Shares what the ids of hits stand for; null without a shared tier. Set together with {@link #shared}. */
    private SharedIds sharedIds;

    private final FailureLog copyFailed = new FailureLog("A hot copy of an answer failed; the store is asked instead.");
    private final FailureLog readFailed = new FailureLog("The store failed to read an answer; the request is a miss.");

    /**
     * @param seal seals and opens what is stored
     * @param staleIfErrorMillis how long after its lifetime an entry may replace a failing upstream
     * @param hotBytes memory for hot copies, in bytes; 0 for none
     * @param faults counts answers that could not be stored
     * @param memory the budget from which large working memory is reserved
     */
    Entries(
            CacheStore store,
            StoreSeal seal,
            HitIds ids,
            Clock clock,
            long staleIfErrorMillis,
            long hotBytes,
            Counters counters,
            CaptureFaults faults,
            MemoryBudget memory) {
        this.memory = memory;
        this.codec = new EntryCodec(ids);
        this.store = store;
        this.seal = seal;
        this.clock = clock;
        this.staleIfErrorMillis = staleIfErrorMillis;
        this.counters = counters;
        this.faults = faults;
        this.hot = hotBytes > 0 ? new HotAnswers(store, hotBytes) : null;
    }

    /**
     * Connects the entries to the shared tier. From then on every lookup misses while this machine is cut off from the
     * tier, and {@code ids} hears of the id of each hit.
     */
    void dependOn(SharedNotices notices, SharedIds ids) {
        shared = notices;
        sharedIds = ids;
    }

    /** Reports to the shared tier that a client gets an id that was made for this hit. */
    private void given(KeyBuffer key, byte[] entry) {
        SharedIds told = sharedIds;
        if (told != null) {
            told.given(key, entry);
        }
    }

    /**
     * Reads an answer, unless it is too old.
     *
     * @param maxAgeMillis how old it may be
     * @param maxStaleMillis how long ago it may have expired
     * @return why there is none, or null if there is one
     */
    ForwardReason read(KeyBuffer key, long maxAgeMillis, long maxStaleMillis, CachedResponse into, Scratch scratch) {
        try {
            return readOrThrow(key, maxAgeMillis, maxStaleMillis, into, scratch);
        } catch (MemoryBudget.Exhausted noRoom) {
            return ForwardReason.MISS;
        }
    }

    /**
     * Reads an answer like {@code read}, but does not treat a lack of memory as a miss. For callers that would rather
     * fail than pay for an answer that is stored.
     *
     * @throws MemoryBudget.Exhausted if there is an answer, but no memory for it now
     */
    ForwardReason readOrThrow(
            KeyBuffer key, long maxAgeMillis, long maxStaleMillis, CachedResponse into, Scratch scratch) {
        LookupEvent event = Events.lookup();
        ForwardReason reason = find(key, maxAgeMillis, maxStaleMillis, into, scratch);
        if (event != null) {
            event.finish(
                    key.endpoint(),
                    key.bytes(),
                    reason == null ? "hit" : reason.token(),
                    reason == null ? into.length() : 0);
        }
        return reason;
    }

    private ForwardReason find(
            KeyBuffer key, long maxAgeMillis, long maxStaleMillis, CachedResponse into, Scratch scratch) {
        try {
            return findOrThrow(key, maxAgeMillis, maxStaleMillis, into, scratch);
        } catch (MemoryBudget.Exhausted noRoom) {
            // No fault: the entry is intact.
            throw noRoom;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            readFailed.add(e);
            counters.failures.increment();
            return ForwardReason.MISS;
        }
    }

    /**
     * Reads an answer that another machine has shared. Returns false if it is too old, or if it does not decode.
     *
     * @param maxAgeMillis how old it may be
     * @param scratch receives the answer
     */
    boolean read(SharedAnswer shared, long maxAgeMillis, Scratch scratch) {
        EntryBuffer entry = shared.entry();
        // Each reader needs a copy of its own, which gets its own id and time.
        System.arraycopy(entry.bytes(), 0, scratch.entry.resize(entry.length()), 0, entry.length());
        long now = clock.millis();
        return tooOld(scratch.entry.bytes(), now, maxAgeMillis, 0) == null
                && codec.decode(scratch.entry, now, scratch.response, scratch.codec);
    }

    /** Stores an entry that another machine has shared. Returns whether it is stored now. */
    boolean put(CacheKey key, SharedAnswer shared, Scratch scratch) {
        StoreEvent event = Events.store();
        boolean stored = false;
        byte[] digest = scratch.key.set(key).bytes();
        try {
            stored = store.put(digest, forStore(key, shared.entry(), scratch));
        } catch (MemoryBudget.Exhausted noRoom) {
            faults.noRoom();
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            faults.notStored(e);
        }
        if (event != null) {
            event.finish(key.endpoint(), digest, stored, shared.entry().length());
        }
        return stored;
    }

    /** The entry in the form in which it is stored: sealed, if sealing is on. */
    private EntryBuffer forStore(CacheKey key, EntryBuffer open, Scratch scratch) {
        if (!seal.isOn()) {
            return open;
        }
        seal.seal(key.knownScope(), scratch.key.bytes(), open, scratch.sealed());
        return scratch.sealed();
    }

    /** The result of loading a key's entry from the store. */
    private enum Loaded {
        NOTHING,
        /** The bytes are not those that were stored. */
        DAMAGED,
        /** The entry is not sealed, although it was stored after sealing began. */
        UNSEALED,
        GOOD
    }

    /**
     * Copies an entry, and opens it if it is sealed.
     *
     * @param peeks whether to leave the entry's use count as it is
     */
    private Loaded load(KeyBuffer key, boolean peeks, EntryBuffer into, Scratch scratch) {
        byte[] digest = key.bytes();
        // With sealing on, most entries are sealed, so they are read straight into the buffer for sealed bytes.
        EntryBuffer found = seal.isOn() ? scratch.sealed() : into;
        if (!(peeks ? store.peek(digest, found) : store.get(digest, found))) {
            return Loaded.NOTHING;
        }
        boolean sealed = EntrySeal.isSealed(found);
        if (sealed != seal.isOn()) {
            EntryBuffer other = sealed ? scratch.sealed() : into;
            System.arraycopy(found.bytes(), 0, other.resize(found.length()), 0, found.length());
            found = other;
        }
        if (sealed) {
            return seal.open(key.knownScope(), digest, found, into) && EntryCodec.isEntry(into)
                    ? Loaded.GOOD
                    : Loaded.DAMAGED;
        }
        if (!codec.isIntact(digest, found, scratch.codec)) {
            return Loaded.DAMAGED;
        }
        return seal.takesOpen(found, CacheControls.MAX_TTL.toMillis()) ? Loaded.GOOD : Loaded.UNSEALED;
    }

    /** Copies an intact entry, expired or not, without counting as a hit. Returns whether there is one. */
    boolean peek(CacheKey key, EntryBuffer into, Scratch scratch) {
        return load(scratch.key.set(key), true, into, scratch) == Loaded.GOOD;
    }

    /** Whether this store would serve an entry that comes from an archive and has a valid checksum. */
    boolean takes(EntryBuffer entry) {
        return EntrySeal.isSealed(entry)
                ? seal.opens()
                : EntryCodec.isEntry(entry) && seal.takesOpen(entry, CacheControls.MAX_TTL.toMillis());
    }

    /** Copies an answer, expired or not, without counting as a hit. */
    CacheAdmin.Look look(CacheKey key, CachedResponse into, Scratch scratch) {
        byte[] digest = scratch.key.set(key).bytes();
        if (!store.peek(digest, scratch.entry) || scratch.entry.length() < EntryHead.LENGTH) {
            return CacheAdmin.Look.NOTHING;
        }
        if (EntrySeal.isSealed(scratch.entry)
                && (key.knownScope() == null || key.knownScope().tag() != EntryHead.scope(scratch.entry.bytes()))) {
            return CacheAdmin.Look.SEALED;
        }
        return load(scratch.key, true, scratch.entry, scratch) == Loaded.GOOD
                        && codec.decode(scratch.entry, clock.millis(), into, scratch.codec)
                ? CacheAdmin.Look.FOUND
                : CacheAdmin.Look.NOTHING;
    }

    /** Reads the hot copy of an answer. Returns false if there is none, or if reading it fails. */
    private boolean findHot(KeyBuffer key, CachedResponse into, Scratch scratch) {
        try {
            return hot != null && hot.find(key, scratch.entry, into.body(), scratch.hot);
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            copyFailed.add(e);
            return false;
        }
    }

    private ForwardReason findOrThrow(
            KeyBuffer key, long maxAgeMillis, long maxStaleMillis, CachedResponse into, Scratch scratch) {
        SharedNotices notices = shared;
        if (notices != null && notices.isCutOff()) {
            return ForwardReason.MISS;
        }
        if (findHot(key, into, scratch)) {
            long now = clock.millis();
            ForwardReason tooOld = tooOld(scratch.entry.bytes(), now, maxAgeMillis, maxStaleMillis);
            if (tooOld != null) {
                return tooOld;
            }
            codec.complete(scratch.entry.bytes(), now, into, scratch.codec);
            given(key, scratch.entry.bytes());
            counters.hotHits.increment();
            counters.hit(key.endpoint());
            counters.tokensSaved.add(into.tokensSaved());
            return null;
        }
        Loaded loaded = load(key, false, scratch.entry, scratch);
        if (loaded == Loaded.NOTHING) {
            return ForwardReason.MISS;
        }
        long now = clock.millis();
        if (loaded == Loaded.GOOD) {
            ForwardReason tooOld = tooOld(scratch.entry.bytes(), now, maxAgeMillis, maxStaleMillis);
            if (tooOld != null) {
                return tooOld;
            }
        }
        if (loaded == Loaded.UNSEALED) {
            // The bytes are not damaged, so an ordinary removal is enough.
            counters.corruptions.increment();
            store.remove(key.bytes());
            return ForwardReason.MISS;
        }
        if (loaded == Loaded.DAMAGED || !codec.decode(scratch.entry, now, into, scratch.codec)) {
            counters.corruptions.increment();
            store.removeDamaged(key.bytes());
            return ForwardReason.MISS;
        }
        given(key, scratch.entry.bytes());
        offerHot(key, into, scratch);
        counters.hit(key.endpoint());
        counters.tokensSaved.add(into.tokensSaved());
        return null;
    }

    private void offerHot(KeyBuffer key, CachedResponse answer, Scratch scratch) {
        if (hot != null) {
            try {
                hot.offer(key, scratch.entry, answer, scratch.hot);
            } catch (RuntimeException | VirtualMachineError | AssertionError e) {
                copyFailed.add(e);
            }
        }
    }

    /** Why an entry is too old to answer the request, or null if it is not. */
    private ForwardReason tooOld(byte[] head, long now, long maxAgeMillis, long maxStaleMillis) {
        if (EntryHead.storedAt(head) - now > GRACE_MILLIS) {
            // The clock of the process that stored the entry was ahead, or this clock is behind. So the entry's age is
            // not known.
            return ForwardReason.MISS;
        }
        long expiredFor = now - EntryHead.expiresAt(head);
        if (expiredFor >= 0 && expiredFor >= maxStaleMillis) {
            // An expired entry that waits for the next sweep is an ordinary miss to the client.
            return expiredFor < staleIfErrorMillis ? ForwardReason.STALE : ForwardReason.MISS;
        }
        return now - EntryHead.storedAt(head) > maxAgeMillis ? ForwardReason.REQUEST : null;
    }

    /** Stores an answer. Returns whether it is stored now. */
    boolean put(CacheKey key, Template template, EntryCodec.Facts facts, Scratch scratch) {
        StoreEvent event = Events.store();
        long working = EntryCodec.workingBytes(template);
        if (!memory.reserve(working)) {
            faults.noRoom();
            return false;
        }
        boolean stored = false;
        try {
            scratch.key.set(key);
            codec.encode(key, template, facts, scratch.entry, scratch.codec);
            stored = store.put(scratch.key.bytes(), forStore(key, scratch.entry, scratch));
        } catch (MemoryBudget.Exhausted noRoom) {
            faults.noRoom();
            return false;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            faults.notStored(e);
        } finally {
            memory.release(working);
        }
        if (event != null) {
            event.finish(key.endpoint(), scratch.key.bytes(), stored, scratch.entry.length());
        }
        if (stored) {
            counters.stores.increment();
        }
        return stored;
    }

    /** Removes the answer of a key, and its hot copy. Returns whether the store had one. */
    boolean remove(CacheKey key, Scratch scratch) {
        KeyBuffer buffer = scratch.key.set(key);
        boolean removed = store.remove(buffer.bytes());
        if (hot != null) {
            hot.remove(buffer, scratch.hot);
        }
        return removed;
    }

    /** Whether a key has an answer that has not expired. Also true if there is no memory to look. */
    boolean isFresh(byte[] key) {
        EntryBuffer buffer = new EntryBuffer(EntryHead.LENGTH);
        try {
            return isStored(key, buffer, new boolean[1])
                    && tooOld(buffer.bytes(), clock.millis(), Long.MAX_VALUE, 0) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            return true;
        } catch (RuntimeException | VirtualMachineError | AssertionError e) {
            readFailed.add(e);
            return false;
        }
    }

    /** Whether a key has an answer, expired or not. */
    private boolean isStored(byte[] key, EntryBuffer buffer, boolean[] found) {
        found[0] = false;
        store.head(key, buffer.bytes(), () -> {
            found[0] = true;
            return false;
        });
        return found[0] || store.peek(key, buffer);
    }

    /**
     * Wipes from memory the hot copies and the remembered requests of answers that the store no longer has. It does not
     * matter which process removed them.
     *
     * @param requests holds the remembered requests
     */
    void wipeGone(RequestKeys requests) {
        if (hot != null) {
            hot.wipeGone();
        }
        EntryBuffer buffer = new EntryBuffer(EntryHead.LENGTH);
        boolean[] found = new boolean[1];
        requests.wipe(digest -> isStored(digest, buffer, found));
    }

    /** Wipes all hot copies. */
    void close() {
        if (hot != null) {
            hot.close();
        }
    }

    /** Describes the entry of a key, expired or not, without counting as a hit; null if there is none. */
    EntryFacts inspect(CacheKey key, Scratch scratch) {
        try {
            return inspected(key, scratch);
        } catch (MemoryBudget.Exhausted noRoom) {
            return null;
        }
    }

    private EntryFacts inspected(CacheKey key, Scratch scratch) {
        byte[] bytes = scratch.key.set(key).bytes();
        if (load(scratch.key, true, scratch.entry, scratch) != Loaded.GOOD
                || !codec.decode(scratch.entry, clock.millis(), scratch.response, scratch.codec)) {
            return null;
        }
        CachedResponse response = scratch.response;
        return new EntryFacts(
                response.storedAtMillis(),
                EntryHead.expiresAt(scratch.entry.bytes()),
                response.ageSeconds(),
                response.ttlSeconds(),
                response.length(),
                scratch.entry.length() + (seal.isOn() ? EntrySeal.OVERHEAD : 0),
                store.hits(bytes),
                response.tokensSaved(),
                response.sourceId().isEmpty() ? null : response.sourceId());
    }
}
