package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in the log when a provider cannot be reached, when it answers again, and when it asks for another version of
 * HTTP: once for each change. Thread-safe.
 */
final class Reachability {
    private static final Logger LOG = LoggerFactory.getLogger(Reachability.class);

    private final Origin provider;
    /** Why it was not reached last; null while it answers. Two that fail at once may both say so. */
    private volatile String lost;

    Reachability(Origin provider) {
        this.provider = provider;
    }

    void lost(ProxyException why) {
        String before = lost;
        lost = why.reason();
        if (!why.reason().equals(before)) {
            LOG.warn("{}: {} ({})", provider, why.getMessage(), rootMessage(why));
        }
    }

    void answers() {
        if (lost != null) {
            lost = null;
            LOG.info("{}: the upstream provider answers again", provider);
        }
    }

    void wantsHttp1() {
        LOG.info("{}: the upstream provider asks for HTTP/1.1 in place of HTTP/2, and gets it from now on", provider);
    }

    private static String rootMessage(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root == failure ? "nothing more is known" : root.toString();
    }
}
