package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs when a provider cannot be reached, when it answers again, and when it asks for another version of HTTP. Logs
 * each change once. Thread-safe.
 */
final class Reachability {
    private static final Logger LOG = LoggerFactory.getLogger(Reachability.class);

    private final Origin provider;
    /** Why the provider could not be reached; null while it answers. Changed with the monitor held. */
    private volatile String lost;

    Reachability(Origin provider) {
        this.provider = provider;
    }

    void lost(ProxyException why) {
        if (isChange(why.reason())) {
            LOG.warn("{}: {} ({})", provider, why.getMessage(), rootMessage(why));
        }
    }

    void answers() {
        // Called for every answer, so most calls end without the monitor.
        if (lost != null && isChange(null)) {
            LOG.info("{}: the upstream provider answers again", provider);
        }
    }

    void wantsHttp1() {
        LOG.info("{}: the upstream provider asks for HTTP/1.1, which is used instead of HTTP/2 from now on", provider);
    }

    private synchronized boolean isChange(String next) {
        boolean isChange = !Objects.equals(lost, next);
        lost = next;
        return isChange;
    }

    private static String rootMessage(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root == failure ? "nothing more is known" : root.toString();
    }
}
