package dev.refrain.engine.internal.eviction;

/**
 * Remembers, outside the map, how often and how recently keys were requested. Cells outlive entries, so a returning
 * key is recognised.
 *
 * <p>The table has 4-byte cells in groups of eight; a group lies in one or two cache lines. A hash selects a key's
 * group. In it, the key's cell is the one with the key's mark. A new key takes the cell that is worth least. The bits
 * of a cell:
 * <pre>
 * 31..23 mark: bits of the hash; 0 if the cell is free
 * 22..19 frequency: hits and puts, also from before the entry was stored; halved regularly
 * 18..16 hits since the entry was stored
 * 15..0  tick of the last access
 * </pre>
 * {@link #TICKS_PER_ROUND} ticks pass in as many accesses as entries fit into the capacity. Any thread writes, without
 * locks; a lost update is a hit that is not counted.
 */
final class Footprints {
    static final int TICKS_PER_ROUND = 256;
    static final int MAX_FREQUENCY = 15;
    static final int MAX_HITS = 7;

    private static final int GROUP = 8;
    /** 48 million cells, 192 MB: enough for ten million entries and as many evicted ones. */
    private static final int MAX_GROUPS = 6 << 20;

    private static final int HITS_SHIFT = 16;
    private static final int FREQUENCY_SHIFT = 19;
    private static final int MARK_SHIFT = 23;
    private static final int TICK_MASK = 0xFFFF;
    /** Half the range of a tick. */
    static final int LONG_AGO = TICK_MASK / 2;

    private final int[] cells;
    private final int groups;
    /** The current tick, of which only the low 16 bits are used. */
    private int tick;
    /** The last cell that was aged. */
    private int hand;
    /** The last cell that {@link #sample} has passed on. */
    private int sampled;

    /** @param expectedKeys number of keys to remember well */
    Footprints(long expectedKeys) {
        groups = (int) Math.max(8, Math.min(MAX_GROUPS, expectedKeys / GROUP + 1));
        cells = new int[groups * GROUP];
    }

    int length() {
        return cells.length;
    }

    int tick() {
        return tick;
    }

    void tick(int now) {
        tick = now;
    }

    private int group(long hash) {
        return (int) (((hash >>> 32) * groups) >>> 32) * GROUP;
    }

    private static int mark(long hash) {
        int mark = (int) hash & 0x1FF;
        return mark == 0 ? 1 : mark;
    }

    private int find(long hash) {
        int mark = mark(hash);
        int first = group(hash);
        for (int i = first; i < first + GROUP; i++) {
            if (cells[i] >>> MARK_SHIFT == mark) {
                return i;
            }
        }
        return -1;
    }

    /** The cell of a key. An unknown key gets a default: requested once, two rounds ago. */
    int of(long hash) {
        int i = find(hash);
        return i >= 0 ? cells[i] : cell(0, 1, 0, tick - 2 * TICKS_PER_ROUND);
    }

    /**
     * Prefetches the groups of some keys. Returns a meaningless number that keeps the loads from being optimised away.
     */
    int fetch(long[] hashes, int count) {
        int any = 0;
        for (int i = 0; i < count; i++) {
            int first = group(hashes[i]);
            any ^= cells[first] ^ cells[first + GROUP - 1];
        }
        return any;
    }

    /**
     * Records that an entry was read. Writes only if the cell changes, so the cache lines of popular keys stay shared.
     * Returns the old cell, or 0 if the key had none.
     */
    int hit(long hash) {
        int i = find(hash);
        if (i < 0) {
            claim(hash, 1);
            return 0;
        }
        int cell = cells[i];
        int next = cell(
                cell >>> MARK_SHIFT,
                Math.min(frequency(cell) + 1, MAX_FREQUENCY),
                Math.min(hits(cell) + 1, MAX_HITS),
                tick);
        if (next != cell) {
            cells[i] = next;
        }
        return cell;
    }

    /** Records that an entry is stored. Returns the old cell, or 0 if the key had none. */
    int put(long hash) {
        int i = find(hash);
        if (i < 0) {
            claim(hash, 0);
            return 0;
        }
        int cell = cells[i];
        cells[i] = cell(cell >>> MARK_SHIFT, Math.min(frequency(cell) + 1, MAX_FREQUENCY), 0, tick);
        return cell;
    }

    /**
     * Marks an entry as not requested for long, so that its other parts are evicted next. The frequency stays. Returns
     * the old cell, or 0 if the key had none.
     */
    int forget(long hash) {
        int i = find(hash);
        if (i < 0) {
            return 0;
        }
        int cell = cells[i];
        cells[i] = cell(cell >>> MARK_SHIFT, frequency(cell), 0, tick - LONG_AGO);
        return cell;
    }

    /** Whether the key was forgotten, or was idle for as long as a tick can tell. */
    boolean isLongAgo(int cell) {
        return idle(cell) >= LONG_AGO;
    }

    /** Passes the next cells to {@link Reuse}, as a sample of waiting keys. */
    void sample(int count, Reuse to) {
        for (int n = Math.min(count, cells.length); n > 0; n--) {
            sampled = sampled + 1 < cells.length ? sampled + 1 : 0;
            int cell = cells[sampled];
            if (cell != 0 && !isLongAgo(cell)) {
                to.waiting(frequency(cell), idle(cell));
            }
        }
    }

    private void claim(long hash, int hits) {
        int first = group(hash);
        int least = first;
        int leastRank = Integer.MAX_VALUE;
        for (int i = first; i < first + GROUP && leastRank >= 0; i++) {
            int cell = cells[i];
            int rank = cell == 0 ? -1 : (frequencyLately(cell) << 16) + TICK_MASK - idle(cell);
            if (rank < leastRank) {
                least = i;
                leastRank = rank;
            }
        }
        cells[least] = cell(mark(hash), 1, hits, tick);
    }

    /**
     * The frequency, halved for every two rounds without a request, so that keys that were popular long ago do not
     * displace new ones.
     */
    private int frequencyLately(int cell) {
        return frequency(cell) >> Math.min(idle(cell) / (2 * TICKS_PER_ROUND), Integer.SIZE - 1);
    }

    /** Halves the frequencies of the next cells. */
    void age(int count) {
        for (int n = Math.min(count, cells.length); n > 0; n--) {
            hand = hand + 1 < cells.length ? hand + 1 : 0;
            int cell = cells[hand];
            if (cell != 0) {
                // Ticks wrap around, and a very old cell must not look young after that.
                int last = idle(cell) > LONG_AGO ? tick - LONG_AGO : cell;
                cells[hand] = cell(cell >>> MARK_SHIFT, frequency(cell) >> 1, hits(cell), last);
            }
        }
    }

    private static int cell(int mark, int frequency, int hits, int tick) {
        return (mark << MARK_SHIFT) | (frequency << FREQUENCY_SHIFT) | (hits << HITS_SHIFT) | (tick & TICK_MASK);
    }

    static boolean isMarked(int cell) {
        return cell >>> MARK_SHIFT != 0;
    }

    static int frequency(int cell) {
        return (cell >>> FREQUENCY_SHIFT) & MAX_FREQUENCY;
    }

    static int hits(int cell) {
        return (cell >>> HITS_SHIFT) & MAX_HITS;
    }

    /** Ticks since the last access. */
    int idle(int cell) {
        return (tick - cell) & TICK_MASK;
    }
}
