package dev.refrain.engine.internal.template;

import java.nio.ByteBuffer;

/** Captures an answer that is one JSON document, which is parsed when all of it is there. */
final class BodyCapture extends Capture {
    private final AnswerScanner scanner;
    /** Null once the answer is rejected. */
    private GrowableBytes body = new GrowableBytes(4096);
    /** What is left of a rejected answer, to be counted; null before that. */
    private Skeleton skeleton;

    private Template template;

    BodyCapture(AnswerFormat format, int maxBytes, ZeroPaths zero) {
        super(format, false, maxBytes);
        this.scanner = new AnswerScanner(format, zero);
    }

    @Override
    void accept(ByteBuffer chunk) {
        if (isWanted() && chunk.remaining() > maxBytes - body.length()) {
            reject("over the stored-answer limit");
        }
        if (isWanted()) {
            body.append(chunk, chunk.position(), chunk.limit());
        } else {
            skeleton.append(chunk);
        }
    }

    @Override
    void finish(boolean inGoodOrder) {
        if (isWanted()) {
            judge();
            body = null;
        } else {
            GrowableBytes rest = skeleton.bytes();
            if (scanner.scan(rest.bytes(), 0, rest.length()) == null) {
                count.add(scanner.fields());
            }
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
        TemplateBuilder builder = new TemplateBuilder(body.length() + Template.ID_LENGTH);
        builder.append(body.bytes(), 0, body.length(), scanner.edits());
        template = builder.build(count.facts());
        complete();
    }

    /** A document is nothing before it is whole. */
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
        skeleton = new Skeleton();
        skeleton.append(body.bytes(), body.length());
        body = null;
    }
}
