package dev.refrain.engine.internal.template;

import java.util.Arrays;
import java.util.Objects;

/**
 * Ids and times filled in before an answer is decompressed. An LZ4 block is literal bytes and copies of what was
 * decompressed before. A long stream has the same id in each event, so that it is a literal once and a copy from then
 * on: who writes another id over that literal has it in all events, for nothing.
 *
 * <p>That works if every placeholder is copied from its like and nothing else is copied from one. So
 * what is compressed has {@link #mark marks} in the placeholders, which stand nowhere else; the
 * block is searched for the literals that they come from ({@link #trace}); and whoever made it tries
 * with each {@link Probe} whether it decompresses to what it should. No two bytes of a probe are
 * equal, and none is the same in both, so that each byte of the answer shows where it comes from.
 *
 * <p>The table has for each literal, in ascending order, an unsigned LEB128 varint: the distance from the start of the
 * one before (from the start of the block for the first), shifted left by two, with 2 added for a part of a placeholder
 * and 1 for a time. A part is followed by two bytes, its offset in the placeholder and its length.
 */
public final class BlockPatches {
    private static final int PART = 2;
    private static final int MIN_MATCH = 4;
    private static final int EXTENDED = 15;

    /** What to try a block with. */
    public enum Probe {
        ONE(1),
        OTHER(101);

        private final int first;

        Probe(int first) {
            this.first = first;
        }
    }

    private static final byte[] MARK_ID = new byte[Template.ID_LENGTH];
    private static final byte[] MARK_TIME = new byte[Template.TIME_LENGTH];

    static {
        // Bytes that well-formed JSON cannot hold: control characters, and those that UTF-8 has no use for.
        int at = 0;
        for (int b = 1; at < MARK_ID.length; b = b == 0x1F ? 0xF8 : b + 1) {
            if (b != '\t' && b != '\n' && b != '\r') {
                MARK_ID[at++] = (byte) b;
            }
        }
        for (int i = 0; i < MARK_TIME.length; i++) {
            MARK_TIME[i] = MARK_ID[MARK_TIME.length - 1 - i];
        }
    }

    private BlockPatches() {}

    /** An id to try a block with. */
    public static byte[] probeId(Probe probe) {
        return sequence(probe.first, Template.ID_LENGTH);
    }

    /** A made-up time, to see whether a block can be patched. */
    public static byte[] probeTime(Probe probe) {
        return sequence(probe.first + Template.ID_LENGTH, Template.TIME_LENGTH);
    }

    private static byte[] sequence(int first, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (first + i);
        }
        return bytes;
    }

    /** A copy of a template's bytes with marks in its placeholders. */
    public static byte[] mark(Template template) {
        byte[] marked = Arrays.copyOf(template.bytes(), template.length());
        fill(template, marked, MARK_ID, MARK_TIME);
        return marked;
    }

    /** Fills the placeholders of a copy of a template. */
    public static void fill(Template template, byte[] copy, byte[] id, byte[] time) {
        Template.patch(
                template.patches(),
                0,
                template.patchesLength(),
                template.patchCount(),
                copy,
                0,
                template.length(),
                id,
                time);
    }

    /**
     * The table of the literals that lie in placeholders.
     *
     * @param block an LZ4 block, sound, of the marked template
     */
    public static byte[] trace(Template template, byte[] block, int length) {
        GrowableBytes table = new GrowableBytes(64);
        Placeholders placeholders = new Placeholders(template);
        int in = 0;
        int out = 0;
        int last = 0;
        while (in < length) {
            int token = block[in++] & 0xFF;
            int literals = token >>> 4;
            if (literals == EXTENDED) {
                int more;
                do {
                    more = block[in++] & 0xFF;
                    literals += more;
                } while (more == 0xFF);
            }
            while (placeholders.goTo(out, out + literals)) {
                int at = in + placeholders.from - out;
                placeholders.write(table, at - last);
                last = at;
            }
            in += literals;
            out += literals;
            if (in < length) {
                in += 2;
                int copied = token & EXTENDED;
                if (copied == EXTENDED) {
                    int more;
                    do {
                        more = block[in++] & 0xFF;
                        copied += more;
                    } while (more == 0xFF);
                }
                out += copied + MIN_MATCH;
            }
        }
        return Arrays.copyOf(table.bytes(), table.length());
    }

    /** Goes through the placeholders of a template, each of which may lie in several runs of literals. */
    private static final class Placeholders {
        private final byte[] patches;
        private final int patchesLength;
        private int next;
        private int start;
        private int end;
        private int kind;
        /** What lies in the run and has not been seen. */
        private int from;

        private int to;

        Placeholders(Template template) {
            patches = template.patches();
            patchesLength = template.patchesLength();
        }

        /** The next piece of a placeholder within a run of the template's bytes; false if there is none. */
        boolean goTo(int runStart, int runEnd) {
            while (end <= Math.max(runStart, to)) {
                if (next == patchesLength) {
                    return false;
                }
                long read = Varint.read(patches, next, patchesLength);
                next += Varint.length(read);
                int coded = (int) Varint.number(read);
                start += coded >>> 1;
                kind = coded & 1;
                end = start + (kind == Template.ID ? Template.ID_LENGTH : Template.TIME_LENGTH);
            }
            if (start >= runEnd || (to >= runEnd && to > start)) {
                return false;
            }
            from = Math.max(start, runStart);
            to = Math.min(end, runEnd);
            return true;
        }

        void write(GrowableBytes table, int distance) {
            boolean isPart = to - from < end - start;
            Varint.append(table, (long) distance << 2 | (isPart ? PART : 0) | kind);
            if (isPart) {
                table.append(from - start);
                table.append(to - from);
            }
        }
    }

    /**
     * Writes an id and a time over the literals of a block. Allocates nothing.
     *
     * @throws IndexOutOfBoundsException if a literal would lie outside of the block or a part outside of its
     *     placeholder; nothing outside of the block is ever written
     * @throws IllegalArgumentException if the table ends within a literal
     */
    public static void write(
            byte[] table,
            int tableOffset,
            int tableLength,
            byte[] block,
            int blockOffset,
            int blockLength,
            byte[] id,
            byte[] time) {
        Objects.checkFromIndexSize(tableOffset, tableLength, table.length);
        Objects.checkFromIndexSize(blockOffset, blockLength, block.length);
        int next = tableOffset;
        int end = tableOffset + tableLength;
        long at = 0;
        while (next < end) {
            long read = Varint.read(table, next, end);
            long coded = Varint.number(read);
            next += Varint.length(read);
            at += coded >>> 2;
            byte[] value = (coded & 1) == Template.ID ? id : time;
            int from = 0;
            int length = value.length;
            if ((coded & PART) != 0) {
                if (next > end - 2) {
                    throw new IllegalArgumentException("the patch table ends within a literal");
                }
                from = table[next++];
                length = table[next++];
            }
            Objects.checkFromIndexSize(from, length, value.length);
            Objects.checkFromIndexSize(at, length, blockLength);
            System.arraycopy(value, from, block, blockOffset + (int) at, length);
        }
    }
}
