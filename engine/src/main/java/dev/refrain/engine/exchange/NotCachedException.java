package dev.refrain.engine.exchange;

/**
 * The request was to be answered only from the store ({@link dev.refrain.engine.CacheDirectives#onlyIfCached}), but the
 * store has no answer for it. A front-end turns this exception into a {@code 504} (RFC 9111, 5.2.1.7).
 */
public final class NotCachedException extends Exception {
    private static final long serialVersionUID = 1L;

    /** With a fixed message and no stack trace. */
    public NotCachedException() {
        // This exception is an expected result and not a fault, so it needs no stack trace.
        super("there is no stored answer, and the request is not to be forwarded", null, false, false);
    }
}
