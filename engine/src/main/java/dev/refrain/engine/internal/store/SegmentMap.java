package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.util.Arrays;
import java.util.function.BiConsumer;
import net.openhft.chronicle.bytes.RandomDataInput;
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
 * A Chronicle Map of values small enough for one segment each, that makes room for itself and keeps away from segments whose lock
 * is stuck. Methods throw whatever else Chronicle Map throws; {@link ChronicleStore} turns that into misses.
 *
 * <p>Two habits of Chronicle Map 2026.1 shape the code. A full segment makes it take the map's global lock, and a process killed
 * there makes every other process print a dump of the whole map when it comes to that lock; so a put looks for room first and
 * never gets that far. And replacing a value by a longer one frees the old value's chunks before it knows that there is room for
 * the new one, which leaves a dangling entry when there is none; so a put removes the old value first.
 */
final class SegmentMap {
    private final ChronicleMap<byte[], EntryBuffer> map;
    private final Tally tally;
    private final Evictor evictor;
    private final StuckSegments stuck;

    SegmentMap(ChronicleMap<byte[], EntryBuffer> map, Tally tally, Failures failures) {
        this.map = map;
        this.stuck = new StuckSegments(failures);
        this.tally = tally;
        this.evictor = new Evictor(tally);
    }

    int segments() {
        return map.segments();
    }

    boolean get(byte[] key, EntryBuffer into) {
        if (stuck.any() && stuck.contains(segmentOf(key))) {
            return false;
        }
        try {
            return map.getUsing(key, into) != null;
        } catch (InterProcessDeadLockException e) {
            stuck.add(segmentOf(key));
            return false;
        }
    }

    /**
     * Stores a value, evicting others of its segment if need be. The older value is gone in any case.
     *
     * @param displaced receives the older value if it was a manifest; is empty otherwise
     * @return whether there was room
     */
    boolean put(byte[] key, EntryBuffer value, EntryBuffer displaced, long nowMillis) {
        displaced.resize(0);
        for (int round = 0; ; round++) {
            int segment;
            try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
                segment = query.segmentIndex();
                if (!lock(query)) {
                    return false;
                }
                removeFound(query, displaced);
                if (hasRoom(query, Layout.chunks(value.length()))) {
                    query.insert(query.absentEntry(), query.wrapValueAsData(value));
                    if (value.bytes()[Kind.OFFSET] == Kind.PART) {
                        tally.parts.incrementAndGet();
                    }
                    return true;
                }
            }
            if (round == Evictor.rounds()) {
                return false;
            }
            try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
                context.forEachSegmentEntry(SegmentMap::requireSane);
                evictor.evict(context, round, nowMillis);
            } catch (InterProcessDeadLockException e) {
                stuck.add(segment);
                return false;
            }
        }
    }

    /** Takes the write lock of the key's segment. Returns false if it cannot be had. */
    private boolean lock(ExternalMapQueryContext<?, ?, ?> query) {
        int segment = query.segmentIndex();
        if (stuck.contains(segment)) {
            return false;
        }
        try {
            query.writeLock().lock();
            return true;
        } catch (InterProcessDeadLockException e) {
            stuck.add(segment);
            return false;
        }
    }

    /** Takes chunks and gives them back at once; needs the write lock. */
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
     * @return whether there was one
     */
    boolean remove(byte[] key, EntryBuffer displaced) {
        displaced.resize(0);
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            return lock(query) && removeFound(query, displaced);
        }
    }

    /** Removes the value of a key if it consists of exactly the given bytes. */
    void removeIfEqual(byte[] key, EntryBuffer expected) {
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            MapEntry<byte[], EntryBuffer> entry = lock(query) ? query.entry() : null;
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
        Data<EntryBuffer> value = entry.value();
        byte kind = value.bytes().readByte(value.offset() + Kind.OFFSET);
        if (kind == Kind.MANIFEST) {
            value.getUsing(displaced);
        } else if (kind == Kind.PART) {
            tally.parts.decrementAndGet();
        }
        entry.doRemove();
        return true;
    }

    /**
     * To be called before an entry is removed: Chronicle Map marks as free what the entry says to take, without asking whether there
     * is so much. With a damaged file that can reach beyond the mapping, and then the process dies.
     */
    private static void requireSane(MapEntry<byte[], EntryBuffer> entry) {
        long length = entry.value().size();
        if (length < EntryHead.LENGTH || length > Layout.MAX_VALUE_LENGTH) {
            throw new IllegalStateException("An entry of " + length + " bytes cannot be: the store's file is damaged");
        }
    }

    /** What a sweep did to one segment: entries removed, and parts of large entries that stay. */
    record Swept(long removed, long partsLeft) {}

    /** Removes what has expired in one segment, under the segment's update lock. */
    Swept sweep(int segment, long nowMillis) {
        try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
            if (stuck.contains(segment)) {
                if (!((SegmentLock) context).writeLock().tryLock()) {
                    return new Swept(0, 0);
                }
                stuck.remove(segment);
            }
            Sweep sweep = new Sweep(nowMillis);
            context.forEachSegmentEntry(sweep::visit);
            return new Swept(sweep.removed, sweep.partsLeft);
        } catch (InterProcessDeadLockException e) {
            stuck.add(segment);
            return new Swept(0, 0);
        }
    }

    private final class Sweep {
        private final long nowMillis;
        private long removed;
        private long partsLeft;

        Sweep(long nowMillis) {
            this.nowMillis = nowMillis;
        }

        void visit(MapEntry<byte[], EntryBuffer> entry) {
            requireSane(entry);
            Data<EntryBuffer> value = entry.value();
            RandomDataInput bytes = value.bytes();
            boolean isPart = bytes.readByte(value.offset() + Kind.OFFSET) == Kind.PART;
            if (bytes.readLong(value.offset() + EntryHead.EXPIRES_AT) > nowMillis) {
                partsLeft += isPart ? 1 : 0;
                return;
            }
            entry.doRemove();
            if (isPart) {
                tally.parts.decrementAndGet();
            } else {
                tally.expirations.increment();
                removed++;
            }
        }
    }

    /** Shows every key and value, reusing both arguments. The action must not touch this map. */
    void forEach(BiConsumer<byte[], EntryBuffer> action) {
        EntryBuffer value = new EntryBuffer(Layout.MAX_VALUE_LENGTH);
        for (int segment = 0; segment < segments(); segment++) {
            try (MapSegmentContext<byte[], EntryBuffer, ?> context = map.segmentContext(segment)) {
                context.forEachSegmentEntry(
                        entry -> action.accept(entry.key().get(), entry.value().getUsing(value)));
            }
        }
    }

    private int segmentOf(byte[] key) {
        try (ExternalMapQueryContext<byte[], EntryBuffer, ?> query = map.queryContext(key)) {
            return query.segmentIndex();
        }
    }

    /** The number of values, parts of large entries included. */
    long size() {
        return map.longSize();
    }

    long usedBytes() {
        return Arrays.stream(map.segmentStats())
                .mapToLong(ChronicleMap.SegmentStats::usedBytes)
                .sum();
    }

    /** Writes everything to the disk, which takes as long as the disk takes for what has been written lately. */
    void flush() {
        ((VanillaChronicleMap<?, ?, ?>) map).msync();
    }

    void close() {
        map.close();
    }
}
