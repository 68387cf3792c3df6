package dev.refrain.engine;

import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs exceptions that must not fail a request, for one part of the cache. The first one is logged as a warning with
 * its stack trace, later ones at debug level. Thread-safe.
 */
final class FailureLog {
    private static final Logger LOG = LoggerFactory.getLogger(FailureLog.class);

    private final String what;
    private final AtomicBoolean told = new AtomicBoolean();

    /** @param what a sentence: what has failed, and what the cache does instead */
    FailureLog(String what) {
        this.what = what;
    }

    void add(Throwable cause) {
        if (!told.get() && told.compareAndSet(false, true)) {
            LOG.warn("{} Further cases are not reported", what, cause);
        } else {
            LOG.debug("{}", what, cause);
        }
    }
}
