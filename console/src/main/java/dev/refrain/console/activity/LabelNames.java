package dev.refrain.console.activity;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Under which label a caller was last logged. A caller who got a label later is shown under it for earlier requests,
 * too. Thread-safe.
 */
final class LabelNames {
    /** About 1 MiB; the oldest ones go. */
    private static final int MOST = 4096;

    private final Map<String, String> labels = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, String> eldest) {
            return size() > MOST;
        }
    };

    /**
     * Notes a request that has just ended.
     *
     * @param scope what was logged: a label, or the beginning of the tag; like the tag it may be null
     */
    synchronized void note(String scope, String tag) {
        if (isLabel(scope, tag) && !scope.equals(labels.get(tag))) {
            labels.put(tag, scope);
        }
    }

    /**
     * Notes a request that is older than all noted before: it changes no known caller's label, and displaces nobody.
     */
    synchronized void noteEarlier(String scope, String tag) {
        if (isLabel(scope, tag) && labels.size() < MOST) {
            labels.putIfAbsent(tag, scope);
        }
    }

    private static boolean isLabel(String scope, String tag) {
        return scope != null && tag != null && !tag.startsWith(scope);
    }

    /** The same requests, with their callers' labels. */
    synchronized List<Activity> named(List<Activity> batch) {
        if (labels.isEmpty()) {
            return batch;
        }
        return batch.stream().map(this::named).toList();
    }

    private Activity named(Activity activity) {
        String tag = activity.scopeTag();
        String label =
                tag != null && activity.scope() != null && tag.startsWith(activity.scope()) ? labels.get(tag) : null;
        return label == null ? activity : activity.named(label);
    }

    /** Labels by tags. */
    synchronized Map<String, String> byTag() {
        return Map.copyOf(labels);
    }
}
