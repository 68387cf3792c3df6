package dev.refrain.engine.internal.template;

import dev.refrain.engine.MemoryBudget;
import java.nio.ByteBuffer;

/**
 * A JSON document without what is long or deep in it: what is left of a document of any length when all that is wanted of it are the few
 * members that are counted. Made byte by byte from one that passes by and is not held. Texts are cut, what is nested deeper than the
 * members that count becomes empty, and of what is no JSON something or nothing is left.
 */
final class Skeleton {
    /** The members that count stand no deeper: those of the document, of {@code usage}, of an item of {@code choices}. */
    private static final int MAX_DEPTH = 3;
    /** As deep as {@code usage}. */
    private static final int MIN_DEPTH = 2;
    /** Names and texts that count are shorter, in bytes between quotes. */
    private static final int MAX_TEXT = 300;

    private static final int LONGEST_ESCAPE = "\\u0000".length();
    /** From that length on lists, which may have many items, are emptied of what is in these. */
    private static final int LONG = 64 * 1024;
    /** A document whose skeleton is longer is not counted. */
    private static final int MAX_LENGTH = 1 << 20;

    private final GrowableBytes kept;
    /** There is no room for more: it is not counted. */
    private boolean isFull;

    private int depth;
    /** Depth from which on nothing is kept; 0 if all is. */
    private int droppedFrom;

    private boolean inText;
    private boolean escaped;
    private boolean isCut;
    private int textLength;

    /** @param memory where it is reserved, or null */
    Skeleton(MemoryBudget.Reservation memory) {
        // Nothing at first, so that this does not fail.
        kept = new GrowableBytes(0, memory);
    }

    void append(ByteBuffer chunk) {
        for (int i = chunk.position(), end = chunk.limit(); i < end; i++) {
            append(chunk.get(i));
        }
    }

    void append(byte[] bytes, int length) {
        for (int i = 0; i < length; i++) {
            append(bytes[i]);
        }
    }

    GrowableBytes bytes() {
        return kept;
    }

    private void append(byte b) {
        if (inText) {
            inText(b);
            return;
        }
        switch (b) {
            case '"' -> {
                inText = true;
                isCut = false;
                textLength = 0;
                keep(b);
            }
            case '{', '[' -> {
                keep(b);
                depth++;
                if (droppedFrom == 0 && depth > (kept.length() < LONG ? MAX_DEPTH : MIN_DEPTH)) {
                    droppedFrom = depth;
                }
            }
            case '}', ']' -> {
                if (depth == droppedFrom) {
                    droppedFrom = 0;
                }
                depth--;
                keep(b);
            }
            case ' ', '\t', '\r', '\n' -> {}
            default -> keep(b);
        }
    }

    /** Cuts a text between two of its characters. */
    private void inText(byte b) {
        boolean ends = b == '"' && !escaped;
        boolean begins = !escaped && (b & 0xC0) != 0x80;
        isCut |= begins && textLength >= (b == '\\' ? MAX_TEXT - LONGEST_ESCAPE : MAX_TEXT);
        if (ends || !isCut) {
            keep(b);
        }
        textLength++;
        escaped = b == '\\' && !escaped;
        inText = !ends;
    }

    private void keep(byte b) {
        if (droppedFrom == 0 && !isFull && kept.length() < MAX_LENGTH) {
            try {
                kept.append(b);
            } catch (MemoryBudget.Exhausted noRoom) {
                isFull = true;
            }
        }
    }
}
