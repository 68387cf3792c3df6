package dev.refrain.engine.internal.template;

import java.util.Arrays;
import java.util.Objects;

/**
 * Fills ids and times into an answer while it is still compressed. An LZ4 block consists of literal bytes and of copies
 * of bytes decompressed before. A long stream has the same id in each event: the first is a literal, and the others are
 * copies of it. So writing another id over that literal changes the id in all events at no cost.
 *
 * <p>This works only if every copied placeholder comes from a placeholder of the same kind, and no other bytes are
 * copied from one. To achieve that, the template is compressed with {@linkplain #mark marks} in its placeholders, which
 * occur nowhere else. Then {@link #trace} finds the literals in the block that are parts of placeholders. Finally the
 * caller tests with each {@link Probe} whether the patched block decompresses to the right answer. All bytes of the two
 * probes differ, so a wrong copy is always visible.
 *
 * <p>The patch table has one unsigned LEB128 varint for each literal, in ascending order: the distance from the start
 * of the literal before (for the first, from the start of the block), shifted left by two. Added to it are 2 for a part
 * of a placeholder, and 1 for a time. For a part two bytes follow: its offset in the placeholder and its length.
 */
public final class BlockPatches {
    private static final int PART = 2;
    private static final int MIN_MATCH = 4;
    private static final int EXTENDED = 15;

    /** Test values for a block. */
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
        // Well-formed JSON cannot have these bytes: control characters, and bytes that UTF-8 never uses.
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

    /** The id of a probe. */
    public static byte[] probeId(Probe probe) {
        return sequence(probe.first, Template.ID_LENGTH);
    }

    /** The time of a probe. */
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
     * Makes the patch table of a block.
     *
     * @param block the marked template as a valid LZ4 block
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

    /** Iterates over the placeholders of a template. A placeholder may extend over several runs of literals. */
    private static final class Placeholders {
        private final byte[] patches;
        private final int patchesLength;
        private int next;
        private int start;
        private int end;
        private int kind;
        /** The range of the current placeholder that is in the current run. */
        private int from;

        private int to;

        Placeholders(Template template) {
            patches = template.patches();
            patchesLength = template.patchesLength();
        }

        /**
         * Goes to the next piece of a placeholder within a run of the template's bytes. Returns false if there is none.
         */
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
     * Writes an id and a time over the literals of a block, by its patch table. Allocates nothing.
     *
     * @throws IndexOutOfBoundsException if a literal is outside the block, or a part outside its placeholder. Bytes
     *     outside the block are never written
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
