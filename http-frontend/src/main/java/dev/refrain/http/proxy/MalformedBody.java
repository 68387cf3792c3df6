package dev.refrain.http.proxy;

import java.io.IOException;

/** A request body that is not what its framing says. */
final class MalformedBody extends IOException {
    private static final long serialVersionUID = 1L;

    MalformedBody(String message) {
        super(message);
    }
}
