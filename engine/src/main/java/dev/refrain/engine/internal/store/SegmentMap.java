package dev.refrain.engine.internal.store;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.events.Events;
import dev.refrain.engine.internal.events.EvictEvent;
import dev.refrain.engine.internal.eviction.EvictionPolicy;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import net.openhft.chronicle.hash.Data;
import net.openhft.chronicle.hash.SegmentLock;
import net.openhft.chronicle.hash.locks.InterProcessDeadLockException;
import net.openhft.chronicle.map.ChronicleMap;
import net.openhft.chronicle.map.ExternalMapQueryContext;
import net.openhft.chronicle.map.MapEntry;
import net.openhft.chronicle.map.MapSegmentContext;
import net.openhft.chronicle.map.VanillaChronicleMap;
import net.openhft.chronicle.map.impl.CompiledMapQueryContext;

/**
 * A Chronicle Map of values that each fit in one segment. It evicts to make room, and avoids segments whose lock is
 * stuck. Its methods catch only the timeout of a lock; {@link ChronicleStore} turns all other exceptions of Chronicle
 * Map into misses.
 *
 * <p>Two properties of Chronicle Map 2026.1 shape the code. First, for a full segment it takes the map's global lock.
 * If a process is killed while it holds that lock, every other process that wants the lock prints a dump of the whole
 * map. So a put makes room first and never needs the lock. Second, to replace a value by a longer one, it frees the old
 * value's chunks before it knows that there is room for the new one. Without room a dangling entry is left. So a put
 * removes the old value first.
 *
 * <p>Long, since all code that takes a segment's lock is here: reads, puts, evictions, repairs and walks.
 */
final class SegmentMap {
    /** Chunks of an answer of 2.5 KB. If entries are smaller, eviction keeps less history per entry. */
    private static final int USUAL_CHUNKS = 20;
    /**
     * At most this many attempts to make room for one value. One attempt is enough unless other writers take the room.
     */
    private static final int ROUNDS = 8;
    /**
     * At most this many free lists are read for a count. Each is on a page of its own, which may have to come from
     * the disk.
     */
    private static final int SEGMENTS_COUNTED = 1_024;

    private final ChronicleMap<byte[], EntryBuffer> map;
    private final SegmentState state;
    private final StoreCounters counters;
    private final EvictionPolicy policy;
    private final RecentInserts recentInserts;
    private final Shortlists shortlists;
    private final Pool<Evictor> evictors;
    private final StuckSegments stuck;
    private final Heads heads;
    /** Number of repairs of each segment, so that several threads that see the same damage repair it once. */
    private final AtomicIntegerArray repairs;

    SegmentMap(ChronicleMap<byte[], EntryBuffer> map, StoreCounters counters, Failures failures) {
        this.map = map;
        this.state = new SegmentState((VanillaChronicleMap<?, ?, ?>) map);
        this.heads = new Heads((VanillaChronicleMap<?, ?, ?>) map);
        this.stuck = new StuckSegments(failures);
        this.counters = counters;
        long chunks = (long) map.segments() * Layout.CHUNKS_PER_SEGMENT;
        this.policy = new EvictionPolicy(chunks, map.segments(), chunks / USUAL_CHUNKS);
        this.recentInserts = new RecentInserts(map.segments());
        this.repairs = new AtomicIntegerArray(map.segments());
        this.shortlists = new Shortlists(map.segments());
        this.evictors = new Pool<>(() -> new Evictor(policy, recentInserts, shortlists));
    }

    int segments() {
        return map.segments();
    }

    /** Reads a value, which counts as a hit of its entry. */
    boolean get(byte[] key, EntryBuffer into) {
        if (!peek(key, into)) {
            return false;
        }
        if (!Kind.isMark(into.bytes()[Kind.OFFSET])) {
            countHit(key, into);
        }
        return true;
    }

    /** Reads a value without counting a hit. */
    boolean peek(byte[] key, EntryBuffer into) {
        if (stuck.any() && stuck.contains(segmentOf(key))) {
            return false;
        }
        if (!state.isSafe(key)) {
            requireSafe(key);
        }
        try {
            return map.getUsing(key, into) != null;
        } catch (InterProcessDeadLockException e) {
            stuck.add(segmentOf(key));
            return false;
        }
    }

    /**
     * Repeats the check of {@link SegmentState#isSafe} under the lock, after it has failed without the lock. Repairs
     * and throws like {@link #lock}.
     */
    private void requireSafe(byte[] key) {
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            lock(query, key);
        }
    }

    /** The number of recent hits of an entry that eviction remembers. */
    int hits(byte[] key) {
        return policy.hits(EvictionFacts.hash(key));
    }

    /** Counts a hit of an entry. The value is the entry itself, or its manifest. */
    void countHit(byte[] key, EntryBuffer value) {
        policy.hit(EvictionFacts.owner(key, value), EvictionFacts.chunks(value), EvictionFacts.cost(value));
    }

    /**
     * Copies the head of a key's value. Counts a hit if the callback returns true.
     *
     * @return false if the callback returned false, if there is no head, or if reading it needs a lock
     */
    boolean head(byte[] key, byte[] into, BooleanSupplier then) {
        int length = heads.read(key, into);
        if (length < EntryHead.LENGTH || !then.getAsBoolean()) {
            return false;
        }
        int total = EvictionFacts.total(into, length);
        policy.hit(EvictionFacts.hash(key), EvictionFacts.chunks(total), EvictionFacts.cost(into, total));
        return true;
    }

    /** Tells eviction that an entry will be put, as one value or in parts. */
    void announce(byte[] key, EntryBuffer entry) {
        policy.put(EvictionFacts.hash(key), EvictionFacts.chunks(entry), EvictionFacts.cost(entry));
    }

    /**
     * Stores a value, and evicts others of its segment if need be. Removes the key's older value even if there is no
     * room, unless the predicate keeps it. Call {@link #announce} first.
     *
     * @param replaces decides by the older value's head, under the lock, whether it is replaced; null to
     *     replace it always
     * @param displaced receives the older value if that was a manifest; empty otherwise
     * @return false if there was no room, or if the older value stays
     */
    boolean put(byte[] key, EntryBuffer value, Predicate<byte[]> replaces, EntryBuffer displaced, long nowMillis) {
        displaced.resize(0);
        int chunks = Layout.chunks(value.length());
        long owner = EvictionFacts.owner(key, value);
        for (int round = 0; ; round++) {
            int segment;
            long held = 0;
            try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
                segment = query.segmentIndex();
                if (!lock(query, key)) {
                    return false;
                }
                held = counters.holds.begin();
                if (replaces != null && !isReplaced(query, replaces)) {
                    return false;
                }
                removeFound(query, displaced);
                if (hasRoom(query, chunks)) {
                    query.insert(query.absentEntry(), query.wrapValueAsData(value));
                    recentInserts.add(segment, owner, (int) ((CompiledMapQueryContext<?, ?, ?>) query).pos());
                    if (!Kind.isEntry(value.bytes()[Kind.OFFSET])) {
                        state.addParts(segment, 1);
                    }
                    return true;
                }
            } finally {
                counters.holds.end(LockHoldTimes.Work.PUT, held);
            }
            if (round == ROUNDS || !evict(segment, chunks, owner, nowMillis)) {
                return false;
            }
        }
    }

    private static boolean isReplaced(
            ExternalMapQueryContext<byte[], EntryBuffer, ?> query, Predicate<byte[]> replaces) {
        MapEntry<byte[], EntryBuffer> entry = query.entry();
        if (entry == null) {
            return true;
        }
        requireSane(entry);
        byte[] head = new byte[EntryHead.LENGTH];
        entry.value().bytes().read(entry.value().offset(), head, 0, EntryHead.LENGTH);
        return replaces.test(head);
    }

    /** Makes room in a segment. Returns false if no value can be evicted. */
    private boolean evict(int segment, int chunks, long owner, long nowMillis) {
        EvictEvent event = Events.evict();
        Evictor evictor = evictors.take();
        try {
            long held = 0;
            try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
                ((SegmentLock) context).updateLock().lock();
                held = counters.holds.begin();
                requireWalkable(context, segment);
                evictor.choose(view(context), segment, chunks, owner, nowMillis);
            } catch (InterProcessDeadLockException e) {
                stuck.add(segment);
                return false;
            } finally {
                counters.holds.end(LockHoldTimes.Work.CHOOSE, held);
            }
            byte[] key = new byte[CacheStore.KEY_LENGTH];
            boolean any = false;
            for (int victim = 0; victim < evictor.victims(); victim++) {
                evictor.copyKey(victim, key);
                any |= evict(key, nowMillis);
            }
            if (!any && evictor.choseFromShortlist()) {
                // Other writers have replaced or removed the listed values. The next round samples the segment again.
                shortlists.drop(segment);
                return true;
            }
            if (!any && evictor.victims() > 0) {
                // No value was found by its key. Either other writers have removed them, or the segment is damaged;
                // without a repair, damaged values would stay for ever.
                repair(segment);
            }
            if (event != null) {
                event.finish(segment, (long) chunks * Layout.CHUNK_SIZE, evictor.victims());
            }
            return evictor.victims() > 0;
        } finally {
            evictors.give(evictor);
        }
    }

    /** Removes one value. Returns whether it was there. */
    private boolean evict(byte[] key, long nowMillis) {
        long held = 0;
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            if (!lock(query, key)) {
                return false;
            }
            held = counters.holds.begin();
            MapEntry<byte[], EntryBuffer> entry = query.entry();
            if (entry == null) {
                return false;
            }
            requireSane(entry);
            byte kind = kind(entry);
            boolean isExpired = expiresAt(entry) <= nowMillis;
            boolean isFirst = kind != EntryHead.NOTE;
            if (Kind.isMark(kind)) {
                // A large entry is lost with its first part, and counts as one eviction.
                Data<EntryBuffer> value = entry.value();
                long owner = value.bytes().readLong(value.offset() + EvictionFacts.OWNER);
                isFirst = policy.forget(owner, kind != Kind.PART);
            }
            remove(query, entry, kind);
            if (isFirst) {
                counters.evictions.increment();
                if (isExpired) {
                    counters.expiredEvictions.increment();
                }
            }
            return true;
        } finally {
            counters.holds.end(LockHoldTimes.Work.EVICT, held);
        }
    }

    /** Repairs a segment. Call this when a value of the segment is not found by its key, or is damaged. */
    void repair(int segment) {
        repair(segment, repairs.get(segment));
    }

    /** The number of times that this process has repaired a segment. */
    int repairs(int segment) {
        return repairs.get(segment);
    }

    /** Repairs a segment, unless it was repaired since {@link #repairs} returned the given number. */
    void repair(int segment, int seen) {
        if (stuck.contains(segment)) {
            return;
        }
        long held = 0;
        try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
            ((SegmentLock) context).writeLock().lock();
            held = counters.holds.begin();
            if (repairs.get(segment) == seen) {
                repairLocked(segment);
            }
        } catch (InterProcessDeadLockException e) {
            stuck.add(segment);
        } finally {
            counters.holds.end(LockHoldTimes.Work.REPAIR, held);
        }
    }

    private void repairLocked(int segment) {
        state.repair(segment);
        repairs.incrementAndGet(segment);
    }

    /** Repairs the segment of an entry that turned out to be damaged, because other damage there may go unnoticed. */
    void repair(byte[] key) {
        repair(segmentOf(key));
    }

    private void requireWalkable(MapSegmentContext<?, ?, ?> updateLocked, int segment) {
        if (!state.isWalkable(segment)) {
            ((SegmentLock) updateLocked).writeLock().lock();
            repairAndFail(segment);
        }
    }

    /**
     * Repairs a damaged segment, whose write lock is held.
     *
     * @throws IllegalStateException always, so that the failure is counted and the map is checked when it
     *     is next opened
     */
    private void repairAndFail(int segment) {
        repairLocked(segment);
        throw new IllegalStateException(
                "segment " + segment + " of the store's file was damaged; what was not whole in it is given up");
    }

    private SegmentView view(MapSegmentContext<byte[], EntryBuffer, ?> locked) {
        return new SegmentView((VanillaChronicleMap<?, ?, ?>) map, locked);
    }

    /**
     * Takes the write lock of the key's segment. Returns false if the segment is stuck.
     *
     * @throws IllegalStateException if the segment was damaged; it has then been repaired
     */
    private boolean lock(ExternalMapQueryContext<?, ?, ?> query, byte[] key) {
        int segment = query.segmentIndex();
        if (stuck.contains(segment)) {
            return false;
        }
        try {
            query.writeLock().lock();
        } catch (InterProcessDeadLockException e) {
            stuck.add(segment);
            return false;
        }
        if (!state.isSafe(key)) {
            repairAndFail(segment);
        }
        return true;
    }

    /** Tests for room by allocating chunks and freeing them at once. Needs the write lock. */
    private static boolean hasRoom(ExternalMapQueryContext<?, ?, ?> query, int chunks) {
        CompiledMapQueryContext<?, ?, ?> context = (CompiledMapQueryContext<?, ?, ?>) query;
        long position = context.allocReturnCodeGuarded(chunks);
        if (position < 0) {
            return false;
        }
        context.freeGuarded(position, chunks);
        return true;
    }

    /**
     * Removes the value of a key.
     *
     * @param displaced receives the value if it was a manifest; is empty otherwise
     * @return whether there was a value
     */
    boolean remove(byte[] key, EntryBuffer displaced) {
        displaced.resize(0);
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            return lock(query, key) && removeFound(query, displaced);
        }
    }

    /** Removes the value of a key if it consists of exactly the given bytes. */
    void removeIfEqual(byte[] key, EntryBuffer expected) {
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            MapEntry<byte[], EntryBuffer> entry = lock(query, key) ? query.entry() : null;
            if (entry != null && entry.value().size() == expected.length()) {
                EntryBuffer found = entry.value().getUsing(new EntryBuffer(expected.length()));
                if (Arrays.equals(found.bytes(), 0, found.length(), expected.bytes(), 0, expected.length())) {
                    removeFound(query, found);
                }
            }
        }
    }

    private boolean removeFound(ExternalMapQueryContext<byte[], EntryBuffer, ?> query, EntryBuffer displaced) {
        MapEntry<byte[], EntryBuffer> entry = query.entry();
        if (entry == null) {
            return false;
        }
        requireSane(entry);
        byte kind = kind(entry);
        if (kind == Kind.MANIFEST) {
            entry.value().getUsing(displaced);
        }
        remove(query, entry, kind);
        return true;
    }

    /**
     * Call this before an entry is removed. Chronicle Map frees as many chunks as the entry's length says, and does not
     * check the length. In a damaged file they can reach beyond the mapping, and then the process dies.
     */
    private static void requireSane(MapEntry<byte[], EntryBuffer> entry) {
        long length = entry.value().size();
        if (length < EntryHead.LENGTH || length > Layout.MAX_VALUE_LENGTH) {
            throw new IllegalStateException("An entry of " + length + " bytes cannot be: the store's file is damaged");
        }
    }

    private static byte kind(MapEntry<byte[], EntryBuffer> entry) {
        Data<EntryBuffer> value = entry.value();
        return value.bytes().readByte(value.offset() + Kind.OFFSET);
    }

    private static long expiresAt(MapEntry<byte[], EntryBuffer> entry) {
        Data<EntryBuffer> value = entry.value();
        return value.bytes().readLong(value.offset() + EntryHead.EXPIRES_AT);
    }

    private void remove(ExternalMapQueryContext<?, ?, ?> query, MapEntry<byte[], EntryBuffer> entry, byte kind) {
        int segment = query.segmentIndex();
        long chunk = ((CompiledMapQueryContext<?, ?, ?>) query).pos();
        if (!state.areTaken(
                segment, chunk, Layout.exactChunks((int) entry.value().size()))) {
            // According to the free list, some of its chunks are free already. Another value may use them by now, and
            // would be freed as well.
            repairAndFail(segment);
        }
        if (!Kind.isEntry(kind)) {
            state.addParts(segment, -1);
        }
        entry.doRemove();
    }

    /** Removes the expired values of one segment. Returns the number of entries among them. */
    long sweep(int segment, long nowMillis) {
        return walk(segment, head -> EntryHead.expiresAt(head) <= nowMillis, counters.expirations);
    }

    /** Removes the values of one segment that match. Parts of large entries are matched one by one. */
    long removeIf(int segment, Predicate<byte[]> head) {
        return walk(segment, head, counters.removals);
    }

    /** Collects the keys of one segment's entries that match. */
    void find(int segment, Predicate<byte[]> key, List<byte[]> into) {
        walk(segment, new SegmentWalk(key, into));
    }

    /** How far the visit of a segment went: through all entries, until the visitor ended it, or nowhere. */
    enum Visit {
        WHOLE,
        ENDED,
        UNREAD
    }

    /** Passes the entries of one segment to a visitor. A stuck segment stays unread. */
    Visit visit(int segment, CacheStore.EntryVisitor visitor) {
        SegmentWalk walk = new SegmentWalk(visitor);
        walk(segment, walk);
        if (walk.isEnded()) {
            return Visit.ENDED;
        }
        return stuck.contains(segment) ? Visit.UNREAD : Visit.WHOLE;
    }

    private long walk(int segment, Predicate<byte[]> head, LongAdder counter) {
        long removed = walk(segment, new SegmentWalk(head, null));
        counter.add(removed);
        return removed;
    }

    private long walk(int segment, SegmentWalk walk) {
        try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
            if (stuck.contains(segment)) {
                if (!((SegmentLock) context).writeLock().tryLock()) {
                    return 0;
                }
                stuck.remove(segment);
            }
            // This reads only the header, so the pages of a segment that was never used are not touched.
            if (state.values(segment) == 0) {
                return 0;
            }
        }
        long removed = 0;
        while (!walk.isDone()) {
            try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
                walk.look(view(context));
            }
            // Each removal takes the lock for itself, so that a writer waits for one removal at most.
            for (int i = 0; i < walk.found(); i++) {
                removed += removeIfStill(walk.key(i), walk) ? 1 : 0;
            }
        }
        return removed;
    }

    /** Removes the value of a key if its head still matches. Returns whether it removed an entry. */
    private boolean removeIfStill(byte[] key, SegmentWalk walk) {
        long held = 0;
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            if (!lock(query, key)) {
                return false;
            }
            held = System.nanoTime();
            MapEntry<byte[], EntryBuffer> entry = query.entry();
            if (entry == null) {
                return false;
            }
            requireSane(entry);
            if (!walk.matches(entry.value())) {
                return false;
            }
            byte kind = kind(entry);
            remove(query, entry, kind);
            return Kind.isEntry(kind);
        } finally {
            counters.holds.end(LockHoldTimes.Work.SWEEP, held);
        }
    }

    /** The bytes that expired values take in one segment. Reads without a lock, so the result is an estimate. */
    long expiredBytes(int segment, long nowMillis) {
        try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
            if (state.values(segment) == 0 || stuck.contains(segment)) {
                return 0;
            }
            SegmentView view = view(context);
            BitSet starts = new BitSet(Layout.CHUNKS_PER_SEGMENT);
            view.listStarts(starts);
            long chunks = starts.stream()
                    .filter(chunk -> view.isSound(chunk) && view.expiresAt(chunk) <= nowMillis)
                    .mapToLong(view::chunks)
                    .sum();
            return chunks * Layout.CHUNK_SIZE;
        }
    }

    /**
     * Passes every sound key and value to an action, reusing both arguments. The action must not use this map, and no
     * thread or process may write to it.
     */
    void forEach(BiConsumer<byte[], EntryBuffer> action) {
        EntryBuffer value = new EntryBuffer(Layout.MAX_VALUE_LENGTH);
        byte[] key = new byte[CacheStore.KEY_LENGTH];
        for (int segment = 0; segment < segments(); segment++) {
            try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
                SegmentView view = view(context);
                for (int slot = 0; slot < view.slots(); slot++) {
                    int chunk = view.chunkAt(slot);
                    if (chunk >= 0 && view.isSound(chunk)) {
                        view.copyKey(chunk, key, 0);
                        view.copyValue(chunk, value);
                        action.accept(key, value);
                    }
                }
            }
        }
    }

    private int segmentOf(byte[] key) {
        return state.segmentOf(key);
    }

    /** The number of values, parts of large entries included. */
    long size() {
        long values = 0;
        for (int segment = 0; segment < segments(); segment++) {
            values += state.values(segment);
        }
        return values;
    }

    /** The number of parts of large entries. */
    long parts() {
        long parts = 0;
        for (int segment = 0; segment < segments(); segment++) {
            parts += state.parts(segment);
        }
        return parts;
    }

    /** The bytes that all values take. For a large map, an estimate from a sample of its segments. */
    long usedBytes() {
        int looked = Math.min(segments(), SEGMENTS_COUNTED);
        long chunks = 0;
        for (int i = 0; i < looked; i++) {
            int segment = (int) ((long) i * segments() / looked);
            // The free list of a segment without values is not read, so the pages of an unused segment are not touched.
            chunks += state.values(segment) == 0 ? 0 : state.chunksTaken(segment);
        }
        return (long) ((double) chunks * Layout.CHUNK_SIZE * segments() / looked);
    }

    /** Writes all changes to the disk, and waits until they are there. */
    void flush() {
        ((VanillaChronicleMap<?, ?, ?>) map).msync();
    }

    void close() {
        map.close();
    }
}
