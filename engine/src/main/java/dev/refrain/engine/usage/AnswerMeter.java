package dev.refrain.engine.usage;

import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;

/**
 * Counts tokens and cost of an answer that the cache does not capture, because caching is off or bypassed. It uses the
 * same code as the cache. It holds at most one event of a stream, or some kilobytes of a document. It neither changes
 * nor delays the answer, and ignores parts that it does not recognise.
 *
 * <p>The first character tells a stream from a document; the {@code Content-Type} does not matter. Not thread-safe: one
 * thread at a time uses it.
 */
public final class AnswerMeter {
    private static final byte[] BOM = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private final Endpoint endpoint;
    private final MemoryBudget.Reservation memory;
    /** Whether the answer cannot be counted, because it is encoded or memory ran out. */
    private boolean unreadable;

    private int seen;
    /** Counts the answer; null until the answer's first character has come. */
    private AnswerCapture counting;

    /**
     * Counts an answer of the endpoint.
     *
     * @param memory reserves the bytes that are held until {@link #end}; if it has no room, the answer is not counted
     */
    public AnswerMeter(Endpoint endpoint, MemoryBudget memory) {
        this(endpoint, memory.openForStoring());
    }

    /**
     * Like the other constructor, but with a reservation that the caller has made.
     *
     * @param memory closed by {@link #end}
     */
    public AnswerMeter(Endpoint endpoint, MemoryBudget.Reservation memory) {
        this.endpoint = endpoint;
        this.memory = memory;
    }

    /** The answer begins. An answer with a content coding is not counted. */
    public void head(ResponseHead head) {
        unreadable = head.contentEncoding() != null && !head.contentEncoding().equalsIgnoreCase("identity");
    }

    /** Takes more of the answer. Does not change the buffer. */
    public void chunk(ByteBuffer bytes) {
        if (unreadable) {
            return;
        }
        ByteBuffer rest = bytes;
        if (counting == null) {
            rest = bytes.duplicate();
            begin(rest);
        }
        if (counting != null) {
            counting.append(rest);
        }
    }

    /** Skips white space and a byte order mark. */
    private void begin(ByteBuffer bytes) {
        while (bytes.hasRemaining()) {
            byte b = bytes.get(bytes.position());
            if (seen < BOM.length && b == BOM[seen]) {
                seen++;
            } else if (b != ' ' && b != '\t' && b != '\r' && b != '\n') {
                try {
                    counting = AnswerCapture.counting(endpoint, b != '{', memory);
                } catch (MemoryBudget.Exhausted noRoom) {
                    // An answer for which there is no memory is not counted.
                    unreadable = true;
                }
                return;
            }
            bytes.get();
        }
    }

    /** The answer has ended, or was cut off. Must always be called, because it releases memory. */
    public void end() {
        if (counting != null) {
            counting.end();
        }
        memory.close();
    }

    /** The facts that the answer has stated so far; never null. */
    public AnswerFacts facts() {
        return counting == null ? AnswerFacts.NONE : counting.facts();
    }
}
