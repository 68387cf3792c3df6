package dev.refrain.http.upstream;

import dev.refrain.semantics.answer.ProxyException;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;

/** Counts failed calls to providers, by reason. Thread-safe. */
public final class UpstreamErrors {
    private static final String SERVER_ERROR = "server-error";
    private static final String RATE_LIMITED = "rate-limited";
    private static final String CANCELLED = ProxyException.cancelled().detail();

    private final Map<String, LongAdder> counts;

    UpstreamErrors() {
        Map<String, LongAdder> all = new TreeMap<>();
        for (String reason : new String[] {
            SERVER_ERROR,
            RATE_LIMITED,
            "upstream-unreachable",
            "upstream-malformed",
            "upstream-timeout",
            "too-many-upstream-calls",
            "memory-budget"
        }) {
            all.put(reason, new LongAdder());
        }
        counts = Collections.unmodifiableMap(all);
    }

    /** The provider has answered with a status. */
    void answered(int status) {
        if (status >= 500) {
            count(SERVER_ERROR);
        } else if (status == 429) {
            count(RATE_LIMITED);
        }
    }

    /** A call has failed. A call that was cancelled from this side does not count. */
    void failed(Throwable failure) {
        String reason = ProxyException.of(failure).detail();
        if (!reason.equals(CANCELLED)) {
            count(counts.containsKey(reason) ? reason : "upstream-unreachable");
        }
    }

    private void count(String reason) {
        counts.get(reason).increment();
    }

    /** All reasons with their live counters. */
    public Map<String, LongAdder> counts() {
        return counts;
    }
}
