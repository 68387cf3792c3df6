package dev.refrain.engine.internal.template;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.internal.template.AnswerScanner.Edit;
import dev.refrain.engine.memory.MemoryBudget;
import java.util.Arrays;
import java.util.List;

/**
 * A template that grows. Appended bytes are never rewritten, so the templates that {@link #build} returns in between
 * share the arrays and stay valid.
 */
final class TemplateBuilder {
    /** The content of placeholders: one constant byte, which compresses best. */
    private static final byte[] PLACEHOLDER = new byte[Template.ID_LENGTH];

    static {
        Arrays.fill(PLACEHOLDER, (byte) '0');
    }

    private final GrowableBytes bytes;
    private final GrowableBytes patches;
    private int patchCount;
    private int lastPatch;

    TemplateBuilder(int capacity) {
        this(capacity, null);
    }

    /** @param memory reserves the arrays, or null */
    TemplateBuilder(int capacity, MemoryBudget.Reservation memory) {
        bytes = new GrowableBytes(capacity, memory);
        patches = new GrowableBytes(64, memory);
    }

    /** Makes room for this many bytes. */
    void reserve(int more) {
        bytes.reserve(more);
    }

    /** Releases the memory. Templates that were built may still be read. */
    void release() {
        bytes.release();
        patches.release();
    }

    /** Appends one byte. */
    void append(int value) {
        bytes.append(value);
    }

    /**
     * Appends bytes with some of their tokens replaced. The edits are between {@code from} and {@code to},
     * in ascending order.
     */
    void append(byte[] source, int from, int to, List<Edit> edits) {
        int copied = from;
        for (Edit edit : edits) {
            bytes.append(source, copied, edit.start());
            copied = edit.end();
            switch (edit.kind()) {
                case ID -> placeholder(Template.ID, Template.ID_LENGTH);
                case TIME -> placeholder(Template.TIME, Template.TIME_LENGTH);
                case ZERO -> bytes.append('0');
            }
        }
        bytes.append(source, copied, to);
    }

    /**
     * Appends bytes whose placeholders are listed in a patch table. The offsets in the table count from {@code from}.
     */
    void append(byte[] source, int from, int to, byte[] patches, int patchesFrom, int patchesTo) {
        int copied = from;
        long place = from;
        for (int next = patchesFrom; next < patchesTo; ) {
            long read = Varint.read(patches, next, patchesTo);
            int kind = (int) Varint.number(read) & 1;
            int length = kind == Template.ID ? Template.ID_LENGTH : Template.TIME_LENGTH;
            place += Varint.number(read) >>> 1;
            next += Varint.length(read);
            if (place < copied || place + length > to) {
                throw new IllegalArgumentException("a placeholder that cannot be in a piece of a stream");
            }
            bytes.append(source, copied, (int) place);
            placeholder(kind, length);
            copied = (int) place + length;
        }
        bytes.append(source, copied, to);
    }

    Template build(AnswerFacts facts) {
        return new Template(bytes.bytes(), bytes.length(), patches.bytes(), patches.length(), patchCount, facts);
    }

    private void placeholder(int kind, int length) {
        Varint.append(patches, (long) (bytes.length() - lastPatch) << 1 | kind);
        lastPatch = bytes.length();
        patchCount++;
        bytes.append(PLACEHOLDER, 0, length);
    }
}
