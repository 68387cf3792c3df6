package dev.refrain.http.framing;

import java.io.IOException;

/** A request body that is not what its framing says. Its message is half a sentence and quotes nothing of the request. */
public final class MalformedBody extends IOException {
    private static final long serialVersionUID = 1L;

    MalformedBody(String message) {
        super(message);
    }
}
