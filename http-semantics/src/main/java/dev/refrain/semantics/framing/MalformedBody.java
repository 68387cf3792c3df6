package dev.refrain.semantics.framing;

import java.io.IOException;

/**
 * A request body that breaks the rules of its framing. The message is half a sentence and quotes nothing of the
 * request.
 */
public final class MalformedBody extends IOException {
    private static final long serialVersionUID = 1L;

    /** @param message half a sentence */
    public MalformedBody(String message) {
        super(message);
    }
}
