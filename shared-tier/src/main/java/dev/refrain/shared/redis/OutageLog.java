package dev.refrain.shared.redis;

import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs once that the tier cannot be reached, and once that it can be reached again, whatever the number of connections.
 */
final class OutageLog {
    private static final Logger LOG = LoggerFactory.getLogger(OutageLog.class);

    /** The purposes of the connections that are down; guarded by this. */
    private final Set<String> down = new HashSet<>();

    synchronized void failed(String what, Throwable failure) {
        if (down.isEmpty()) {
            LOG.warn(
                    "The shared tier cannot be reached ({}): {}. Requests go on without it",
                    what,
                    Causes.brief(failure));
        }
        down.add(what);
    }

    synchronized void lost(String what) {
        if (down.isEmpty()) {
            LOG.warn("The connection to the shared tier was lost ({}). Requests go on without it", what);
        }
        down.add(what);
    }

    synchronized void made(String what) {
        if (down.remove(what) && down.isEmpty()) {
            LOG.info("The shared tier is connected again");
        }
    }
}
