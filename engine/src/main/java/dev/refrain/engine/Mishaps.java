package dev.refrain.engine;

import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the log of what must not happen and must not fail a request either: a part of the cache that throws. The first
 * time of each kind with its stack trace, later ones for whoever is looking for them. Thread-safe.
 */
final class Mishaps {
    private static final Logger LOG = LoggerFactory.getLogger(Mishaps.class);

    private final String what;
    private final AtomicBoolean told = new AtomicBoolean();

    /** @param what has failed, and what is done instead: a sentence */
    Mishaps(String what) {
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
