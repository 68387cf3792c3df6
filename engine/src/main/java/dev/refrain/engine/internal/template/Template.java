package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * An answer prepared for replay: its bytes and a patch table. In the bytes, every id and time that a hit replaces is a
 * placeholder of fixed length, and every usage number is zero. The patch table has the offsets of the placeholders.
 *
 * <p>The table has one unsigned LEB128 varint per placeholder, in ascending order of offset: the distance from the
 * start of the placeholder before, shifted left by one. For the first one it is the distance from the start of the
 * template. The lowest bit is the kind: 0 for an id, 1 for a time.
 */
public final class Template {
    /** Length of an id placeholder, in bytes: that of the ids of wire rule W24. */
    public static final int ID_LENGTH = 35;
    /** Length of a time placeholder, in bytes: whole seconds since the epoch have ten digits from 2001 to 2286. */
    public static final int TIME_LENGTH = 10;

    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

    static final int ID = 0;
    static final int TIME = 1;

    private final byte[] bytes;
    private final int length;
    private final byte[] patches;
    private final int patchesLength;
    private final int patchCount;
    private final AnswerFacts facts;

    /** Keeps the arrays. Their bytes within the given lengths must not change after this. */
    Template(byte[] bytes, int length, byte[] patches, int patchesLength, int patchCount, AnswerFacts facts) {
        this.bytes = bytes;
        this.length = length;
        this.patches = patches;
        this.patchesLength = patchesLength;
        this.patchCount = patchCount;
        this.facts = facts;
    }

    /** The backing array, of which the first {@link #length()} bytes are valid. Not to be written to. */
    public byte[] bytes() {
        return bytes;
    }

    /** The number of valid bytes. */
    public int length() {
        return length;
    }

    /**
     * The array of the patch table, of which the first {@link #patchesLength()} bytes are valid. Not to be written to.
     */
    public byte[] patches() {
        return patches;
    }

    /** The length of the patch table in bytes. */
    public int patchesLength() {
        return patchesLength;
    }

    /** The number of placeholders. */
    public int patchCount() {
        return patchCount;
    }

    /** The answer's own facts. A document has the id that the provider sent (wire rule W23); a stream has none. */
    public AnswerFacts facts() {
        return facts;
    }

    /**
     * Overwrites the placeholders of a copy of a template. Allocates nothing.
     *
     * @param count the number of placeholders
     * @param id {@link #ID_LENGTH} ASCII bytes
     * @param time {@link #TIME_LENGTH} ASCII digits
     * @throws IndexOutOfBoundsException if a placeholder is outside the range of {@code body} from {@code bodyOffset}
     *     to {@code bodyOffset + bodyLength}. Bytes outside this range are never written
     * @throws IllegalArgumentException if the table does not have exactly {@code count} placeholders
     */
    public static void patch(
            byte[] patches,
            int patchesOffset,
            int patchesLength,
            int count,
            byte[] body,
            int bodyOffset,
            int bodyLength,
            byte[] id,
            byte[] time) {
        Objects.checkFromIndexSize(patchesOffset, patchesLength, patches.length);
        Objects.checkFromIndexSize(bodyOffset, bodyLength, body.length);
        if (id.length != ID_LENGTH || time.length != TIME_LENGTH) {
            throw new IllegalArgumentException("id and time must have " + ID_LENGTH + " and " + TIME_LENGTH
                    + " bytes, had " + id.length + " and " + time.length);
        }
        // A long stream has hundreds of placeholders. Writing them as longs, of which the last two overlap, takes less
        // than half the time of array copies.
        long id0 = (long) LONG.get(id, 0);
        long id8 = (long) LONG.get(id, 8);
        long id16 = (long) LONG.get(id, 16);
        long id24 = (long) LONG.get(id, 24);
        long idEnd = (long) LONG.get(id, ID_LENGTH - 8);
        long time0 = (long) LONG.get(time, 0);
        long timeEnd = (long) LONG.get(time, TIME_LENGTH - 8);
        int next = patchesOffset;
        int end = patchesOffset + patchesLength;
        long at = 0;
        for (int i = 0; i < count; i++) {
            long read = Varint.read(patches, next, end);
            long coded = Varint.number(read);
            next += Varint.length(read);
            at += coded >>> 1;
            boolean isId = (coded & 1) == ID;
            if (at + (isId ? ID_LENGTH : TIME_LENGTH) > bodyLength) {
                throw new IndexOutOfBoundsException("a placeholder at " + at + " of a template of " + bodyLength);
            }
            int to = bodyOffset + (int) at;
            if (isId) {
                LONG.set(body, to, id0);
                LONG.set(body, to + 8, id8);
                LONG.set(body, to + 16, id16);
                LONG.set(body, to + 24, id24);
                LONG.set(body, to + ID_LENGTH - 8, idEnd);
            } else {
                LONG.set(body, to, time0);
                LONG.set(body, to + TIME_LENGTH - 8, timeEnd);
            }
        }
        if (next != end) {
            throw new IllegalArgumentException("the patch table holds more placeholders than it should");
        }
    }
}
