package dev.refrain.engine.internal.template;

import java.nio.ByteBuffer;

/** Captures an answer that is one JSON document, which is parsed when all of it is there. */
final class BodyCapture extends Capture {
    /** Longer ones are taken for something else than an id. */
    private static final int MAX_ID_LENGTH = 256;

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

    /** The id if it has only visible ASCII (RFC 9110, 5.5 allows more, with care): it may be sent as a header field. */
    private static String headerSafe(String id) {
        if (id == null || id.isEmpty() || id.length() > MAX_ID_LENGTH) {
            return null;
        }
        return id.chars().allMatch(c -> c > ' ' && c < 0x7F) ? id : null;
    }
}
