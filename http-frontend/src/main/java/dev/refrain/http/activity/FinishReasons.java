package dev.refrain.http.activity;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Why repeated answers ended: for the reason for which their sources did, as long as the log has these. Looked up when somebody asks,
 * since a hit should not pay for it. Thread-safe.
 */
final class FinishReasons {
    private static final int REMEMBERED = 16 * 1024;
    /** After that, a source that the log does not have is not going to come. */
    private static final long SETTLED_MILLIS = 60_000;

    private static final String UNKNOWN = "";

    private final Function<String, List<Activity>> log;
    private final Map<String, String> bySource = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > REMEMBERED;
        }
    };

    /** @param log finds a request by its id, and gives all that it had to read for that */
    FinishReasons(Function<String, List<Activity>> log) {
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
            reason = find(source, activity.createdAtMillis() < nowMillis - SETTLED_MILLIS);
        }
        return reason.equals(UNKNOWN) ? activity : activity.withFinishReason(reason);
    }

    private String find(String source, boolean isSettled) {
        List<Activity> read = log.apply(source);
        synchronized (bySource) {
            // Who reads a page of repeated answers asks for its neighbours next.
            for (Activity activity : read) {
                if (activity.id() != null && activity.finishReason() != null) {
                    bySource.put(activity.id(), activity.finishReason());
                }
            }
            String reason = bySource.getOrDefault(source, UNKNOWN);
            if (reason.equals(UNKNOWN) && isSettled) {
                bySource.put(source, UNKNOWN);
            }
            return reason;
        }
    }
}
