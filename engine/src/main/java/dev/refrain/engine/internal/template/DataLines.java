package dev.refrain.engine.internal.template;

import dev.refrain.engine.internal.template.AnswerScanner.Edit;
import dev.refrain.engine.memory.MemoryBudget;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The offsets of the values of an event's data fields in its raw lines. An event may have a data field every five
 * bytes, so the offsets can take several times the memory of the event. They are reserved like the event.
 */
final class DataLines {
    /** Initial length, enough for usual events. An array of this length is not reserved, and is reused. */
    private static final int FEW = 8;

    /** Pairs of start and end. */
    private int[] offsets = new int[FEW];

    private int length;
    private final MemoryBudget.Reservation memory;

    DataLines(MemoryBudget.Reservation memory) {
        this.memory = memory;
    }

    /**
     * Adds a line.
     *
     * @throws MemoryBudget.Exhausted if there is no room for it; nothing has changed then
     */
    void add(int start, int end) {
        if (length == offsets.length) {
            // The old array and the new one exist at the same time for a moment.
            memory.require(2L * Integer.BYTES * length);
            offsets = Arrays.copyOf(offsets, 2 * length);
            memory.shrink(length == FEW ? 0 : (long) Integer.BYTES * length);
        }
        offsets[length++] = start;
        offsets[length++] = end;
    }

    int count() {
        return length / 2;
    }

    int start(int line) {
        return offsets[2 * line];
    }

    int end(int line) {
        return offsets[2 * line + 1];
    }

    /**
     * The event's data as a client sees it: the values, with a line feed between two. The caller has to
     * release the array.
     */
    GrowableBytes join(byte[] event) {
        int bytes = count() - 1;
        for (int line = 0; line < count(); line++) {
            bytes += end(line) - start(line);
        }
        GrowableBytes joined = new GrowableBytes(bytes, memory);
        for (int line = 0; line < count(); line++) {
            if (line > 0) {
                joined.append('\n');
            }
            joined.append(event, start(line), end(line));
        }
        return joined;
    }

    /**
     * Translates edits of the joined data to offsets in the event. No JSON token has a line feed, so each edit is
     * in one line.
     */
    List<Edit> unjoin(List<Edit> edits) {
        List<Edit> result = new ArrayList<>(edits.size());
        int line = 0;
        int lineInJoined = 0;
        for (Edit edit : edits) {
            while (edit.end() > lineInJoined + end(line) - start(line)) {
                lineInJoined += end(line) - start(line) + 1;
                line++;
            }
            int shift = start(line) - lineInJoined;
            result.add(new Edit(edit.kind(), edit.start() + shift, edit.end() + shift, edit.condition()));
        }
        return result;
    }

    /** Forgets the lines, for the next event, and releases the memory. */
    void clear() {
        length = 0;
        release();
    }

    /** Releases the memory. */
    void release() {
        if (offsets.length > FEW) {
            memory.shrink((long) Integer.BYTES * offsets.length);
            offsets = new int[FEW];
        }
    }
}
