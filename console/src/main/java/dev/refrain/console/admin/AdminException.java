package dev.refrain.console.admin;

import io.undertow.util.StatusCodes;
import java.util.Locale;

/** A request that is not carried out, and what to tell whoever sent it. */
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

    /** The status in words, as programs like it. */
    String code() {
        return StatusCodes.getReason(status).toLowerCase(Locale.ROOT).replaceAll("[^a-z]+", "-");
    }
}
