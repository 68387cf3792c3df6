package dev.refrain.engine.spi;

/**
 * A {@link SharedTier} could not do what it was asked to: it is not connected, too slow, full, or refuses. The message
 * says which, without secrets and contents. It has no stack trace, since it may come with every request.
 */
public final class SharedTierException extends Exception {
    private static final long serialVersionUID = 1L;

    /**
     * A failure.
     *
     * @param message what went wrong
     * @param cause may be null
     */
    public SharedTierException(String message, Throwable cause) {
        super(message, cause, false, false);
    }
}
