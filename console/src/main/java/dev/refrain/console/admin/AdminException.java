package dev.refrain.console.admin;

import io.undertow.util.StatusCodes;
import java.util.Locale;

/** Refuses a request, with a status and a sentence for its sender. */
final class AdminException extends Exception {
    private static final long serialVersionUID = 1L;

    private final int status;

    AdminException(int status, String message) {
        super(message, null, false, false);
        this.status = status;
    }

    static AdminException badRequest(String message) {
        return new AdminException(StatusCodes.BAD_REQUEST, message);
    }

    static AdminException notFound(String message) {
        return new AdminException(StatusCodes.NOT_FOUND, message);
    }

    int status() {
        return status;
    }

    /** The status as a token, such as {@code not-found}. */
    String code() {
        return StatusCodes.getReason(status).toLowerCase(Locale.ROOT).replaceAll("[^a-z]+", "-");
    }
}
