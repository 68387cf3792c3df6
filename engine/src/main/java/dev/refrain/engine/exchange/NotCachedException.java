package dev.refrain.engine.exchange;

/**
 * The request was to be answered from the store only ({@link dev.refrain.engine.CacheDirectives#onlyIfCached}), which
 * has no answer for it. A front-end turns it into a {@code 504} (RFC 9111, 5.2.1.7).
 */
public final class NotCachedException extends Exception {
    private static final long serialVersionUID = 1L;

    /** With a fixed message and no stack trace. */
    public NotCachedException() {
        // This is an expected result and not a fault, so it needs no stack trace.
        super("there is no stored answer, and the request is not to be forwarded", null, false, false);
    }
}
