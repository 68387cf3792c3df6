package dev.refrain.engine.internal.template;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;

/**
 * A JSON document reduced to what counting needs: long strings are cut, and values nested deeper than the counted ones
 * are emptied. It is built byte by byte while the document passes through. For malformed JSON the result is undefined.
 */
final class Skeleton {
    /** The deepest level of counted members: those of {@code usage} in an item of {@code choices}. */
    private static final int MAX_DEPTH = 4;
    /** The depth of the members of {@code usage}. */
    private static final int MIN_DEPTH = 2;
    /** Limit of names and strings, in bytes between the quotes. Those that count are shorter. */
    private static final int MAX_TEXT = 300;

    private static final int LONGEST_ESCAPE = "\\u0000".length();
    /** From this length of the skeleton on, in bytes, only {@link #MIN_DEPTH} levels are kept. */
    private static final int LONG = 64 * 1024;
    /** Limit of the skeleton, in bytes. A document with a longer one is not counted. */
    private static final int MAX_LENGTH = 1 << 20;

    private final GrowableBytes kept;
    /** True if the limit is reached; then the document is not counted. */
    private boolean isFull;

    private int depth;
    /** The depth from which on nothing is kept; 0 if everything is kept. */
    private int droppedFrom;

    private boolean inText;
    private boolean escaped;
    private boolean isCut;
    private int textLength;

    /** @param memory reserves the skeleton, or null */
    Skeleton(MemoryBudget.Reservation memory) {
        // The array is empty at first, so that the constructor cannot fail for lack of memory.
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

    /** Takes a byte of a string. Cuts a long string between two characters. */
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
