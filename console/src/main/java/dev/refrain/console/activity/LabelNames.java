package dev.refrain.console.activity;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The label under which each caller was last logged. Earlier requests of a caller, logged without a label, are shown
 * under it, too. Thread-safe.
 */
final class LabelNames {
    /** About 1 MiB; beyond it, the oldest labels are dropped. */
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
     * @param scope a label, or the beginning of the tag, as it was logged; null if there is none
     * @param tag of the caller's scope; null if there is none
     */
    synchronized void note(String scope, String tag) {
        if (isLabel(scope, tag) && !scope.equals(labels.get(tag))) {
            labels.put(tag, scope);
        }
    }

    /**
     * Notes a request that is older than all noted before. It changes no known caller's label, and pushes no label out.
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
