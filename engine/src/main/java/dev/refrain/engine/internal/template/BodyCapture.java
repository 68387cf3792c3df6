package dev.refrain.engine.internal.template;

import dev.refrain.engine.memory.MemoryBudget;
import java.nio.ByteBuffer;

/** Captures an answer that is one JSON document. Parses it when it is complete. */
final class BodyCapture extends Capture {
    private final AnswerScanner scanner;
    /** Null once the answer is rejected. */
    private GrowableBytes body;
    /** The reduced form of a rejected answer, for counting; null before the rejection. */
    private Skeleton skeleton;

    private Template template;

    private final MemoryBudget.Reservation memory;

    BodyCapture(AnswerFormat format, int maxBytes, ZeroPaths zero, MemoryBudget.Reservation memory) {
        super(format, false, maxBytes);
        this.memory = memory;
        this.body = new GrowableBytes(4096, memory);
        this.scanner = new AnswerScanner(format, zero);
    }

    @Override
    void accept(ByteBuffer chunk) {
        if (isWanted() && chunk.remaining() > maxBytes - body.length()) {
            reject("over the stored-answer limit");
        }
        if (isWanted()) {
            try {
                body.append(chunk, chunk.position(), chunk.limit());
                return;
            } catch (MemoryBudget.Exhausted noRoom) {
                reject(NO_ROOM);
            }
        }
        skeleton.append(chunk);
    }

    @Override
    void finish(boolean inGoodOrder) {
        if (isWanted()) {
            try {
                judge();
            } catch (MemoryBudget.Exhausted noRoom) {
                reject(NO_ROOM);
            }
            if (body != null) {
                body.release();
                body = null;
            }
        } else {
            GrowableBytes rest = skeleton.bytes();
            if (scanner.scan(rest.bytes(), 0, rest.length()) == null) {
                count.add(scanner.fields());
            }
            rest.release();
            skeleton = null;
        }
    }

    private void judge() {
        String flaw = scanner.scan(body.bytes(), 0, body.length());
        if (flaw == null) {
            count.add(scanner.fields());
            flaw = completeness.add(scanner.fields());
        }
        if (flaw == null) {
            flaw = completeness.missing(true);
        }
        if (flaw != null) {
            reject(flaw);
            return;
        }
        TemplateBuilder builder = new TemplateBuilder(body.length() + Template.ID_LENGTH, memory);
        builder.append(body.bytes(), 0, body.length(), scanner.edits());
        template = builder.build(count.facts());
        complete();
    }

    /** A document cannot be read before it is complete. */
    @Override
    public LiveTemplate live() {
        return null;
    }

    @Override
    Template build() {
        return template;
    }

    @Override
    void release() {
        GrowableBytes begun = body;
        body = null;
        skeleton = new Skeleton(memory);
        skeleton.append(begun.bytes(), begun.length());
        begun.release();
    }
}
