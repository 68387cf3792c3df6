package dev.refrain.engine.internal.template;

import java.nio.ByteBuffer;

/** Captures an answer that is one JSON document, which is parsed when all of it is there. */
final class BodyCapture extends Capture {
    private final AnswerFormat format;
    private final int maxBytes;
    private GrowableBytes body = new GrowableBytes(4096);
    private Template template;

    BodyCapture(AnswerFormat format, int maxBytes) {
        this.format = format;
        this.maxBytes = maxBytes;
    }

    @Override
    void accept(ByteBuffer chunk) {
        if (chunk.remaining() > maxBytes - body.length()) {
            reject("over the stored-answer limit");
        } else {
            body.append(chunk, chunk.position(), chunk.limit());
        }
    }

    @Override
    void finish() {
        AnswerScanner scanner = new AnswerScanner(format);
        String flaw = scanner.scan(body.bytes(), 0, body.length());
        if (flaw != null) {
            reject(flaw);
        } else if (scanner.hasError() || format.isFailure(scanner.type())) {
            reject("error body");
        } else if (!format.isFinal(scanner.status())) {
            reject("status neither completed nor incomplete");
        } else {
            TemplateBuilder builder = new TemplateBuilder(body.length() + Template.ID_LENGTH);
            builder.append(body.bytes(), 0, body.length(), scanner.edits());
            template = builder.build(headerSafe(scanner.id()));
            body = null;
            complete();
        }
    }

    @Override
    public String providerId() {
        return template == null ? null : template.originalId();
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
        body = null;
    }
}
