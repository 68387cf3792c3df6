package dev.refrain.engine.spi;

/**
 * A call to a {@link SharedTier} failed, because the tier is not connected, too slow or full, or refused the call. The
 * message says which, without secrets and contents. It has no stack trace, since every request may cause one.
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
