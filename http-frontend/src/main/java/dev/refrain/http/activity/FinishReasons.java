package dev.refrain.http.activity;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Why repeated answers ended: for the reason for which their sources did, as long as the log has these. Looked up when somebody asks,
 * since a hit should not pay for it. Thread-safe.
 */
final class FinishReasons {
    private static final int REMEMBERED = 8192;
    /** After that, a source that the log does not have is not going to come. */
    private static final long SETTLED_MILLIS = 60_000;

    private static final String UNKNOWN = "";

    private final Function<String, Optional<Activity>> log;
    private final Map<String, String> bySource = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > REMEMBERED;
        }
    };

    /** @param log finds a request by its id */
    FinishReasons(Function<String, Optional<Activity>> log) {
        this.log = log;
    }

    /** The request with its reason, as far as that is known. */
    Activity complete(Activity activity, long nowMillis) {
        String source = activity.sourceId();
        if (source == null || activity.finishReason() != null) {
            return activity;
        }
        String reason;
        synchronized (bySource) {
            reason = bySource.get(source);
        }
        if (reason == null) {
            reason = log.apply(source).map(Activity::finishReason).orElse(UNKNOWN);
            if (!reason.equals(UNKNOWN) || activity.createdAtMillis() < nowMillis - SETTLED_MILLIS) {
                synchronized (bySource) {
                    bySource.put(source, reason);
                }
            }
        }
        return reason.equals(UNKNOWN) ? activity : activity.withFinishReason(reason);
    }
}
