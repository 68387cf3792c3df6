package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryHead;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import net.openhft.chronicle.algo.hashing.LongHashFunction;
import net.openhft.chronicle.core.Memory;
import net.openhft.chronicle.core.OS;
import net.openhft.chronicle.hash.impl.CompactOffHeapLinearHashTable;
import net.openhft.chronicle.hash.impl.VanillaChronicleHash;
import net.openhft.chronicle.map.VanillaChronicleMap;

/**
 * Reads the heads of values in place, without a lock. This is safe because of the order in which Chronicle Map writes.
 * A value is complete before a slot of the lookup table names it (the slot is written last, and volatile). A value is
 * never changed while a slot names it. A removal clears the slot first. So if the slot is the same before and after the
 * read, the bytes were this key's value at some moment during the read. This is true even if the slot named another
 * value for a while.
 *
 * <p>Removing a value may move other values to other slots. So a key that is not found here may still be in the map;
 * only a lookup under the lock can tell.
 */
final class Heads {
    private static final Memory MEMORY = OS.memory();
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final VanillaChronicleMap<?, ?, ?> map;
    private final CompactOffHeapLinearHashTable table;
    private final int slots;
    private final long entrySpaceOffset;

    Heads(VanillaChronicleMap<?, ?, ?> map) {
        this.map = map;
        this.table = map.hashLookup;
        this.slots = (int) map.tierHashLookupCapacity;
        this.entrySpaceOffset = map.tierHashLookupOuterSize
                + VanillaChronicleHash.TIER_COUNTERS_AREA_SIZE
                + map.tierFreeListOuterSize
                + map.tierEntrySpaceInnerOffset;
    }

    /**
     * Copies the head of a key's value.
     *
     * @return the length of the value, or -1 if none was found, although the map may have one
     */
    int read(byte[] key, byte[] into) {
        long hash = LongHashFunction.xx_r39().hashBytes(key);
        long segment = map.segmentBaseAddr(map.hashSplitting.segmentIndex(hash));
        long sought = table.maskUnsetKey(map.hashSplitting.segmentHash(hash));
        long at = table.hlPos(sought);
        for (int looked = 0; looked < slots; looked++) {
            long slot = table.readEntryVolatile(segment, at);
            if (table.empty(slot)) {
                return -1;
            }
            int chunk = (int) table.value(slot);
            // The chunk's index comes from a file, so it is checked. A head ends within the chunk in which
            // its value begins.
            if (table.key(slot) == sought && chunk < Layout.CHUNKS_PER_SEGMENT) {
                long value = segment + entrySpaceOffset + (long) chunk * Layout.CHUNK_SIZE;
                if (isKey(value, key)) {
                    int length = copyHead(value + CacheStore.KEY_LENGTH, into);
                    VarHandle.acquireFence();
                    return table.readEntryVolatile(segment, at) == slot ? length : -1;
                }
            }
            at = table.step(at);
        }
        return -1;
    }

    private static boolean isKey(long at, byte[] key) {
        for (int i = 0; i < CacheStore.KEY_LENGTH; i += Long.BYTES) {
            if (MEMORY.readLong(at + i) != (long) LONG.get(key, i)) {
                return false;
            }
        }
        return true;
    }

    private static int copyHead(long at, byte[] into) {
        // Decoded as in SegmentView#length.
        int lengthBytes = MEMORY.readByte(at) >= 0 ? 1 : MEMORY.readByte(at + 1) >= 0 ? 2 : 3;
        int length = 0;
        for (int i = 0; i < lengthBytes; i++) {
            length |= (MEMORY.readByte(at + i) & (i < 2 ? 0x7F : 0xFF)) << (7 * i);
        }
        for (int i = 0; i < EntryHead.LENGTH; i += Long.BYTES) {
            LONG.set(into, i, MEMORY.readLong(at + lengthBytes + i));
        }
        return length;
    }
}
