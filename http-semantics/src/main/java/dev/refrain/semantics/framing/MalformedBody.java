package dev.refrain.semantics.framing;

import java.io.IOException;

/** A request body that breaks the rules of its framing. The message is a clause, and quotes nothing of the request. */
public final class MalformedBody extends IOException {
    private static final long serialVersionUID = 1L;

    /** @param message a clause */
    public MalformedBody(String message) {
        super(message);
    }
}
