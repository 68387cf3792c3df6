package dev.refrain.console.activity;

import dev.refrain.engine.exchange.Endpoint;
import java.util.stream.IntStream;

/**
 * A filter for requests; null means any. Immutable.
 *
 * @param cached whether the cache answered, see {@link Outcome#isCached}
 * @param model a part of the name that was requested, in any case
 * @param scope as shown in {@link Activity#scope}
 * @param sinceMillis requests that came then or later, milliseconds since the epoch
 */
public record Filter(Boolean cached, String model, Endpoint endpoint, String scope, long sinceMillis) {
    /** Every request. */
    public static final Filter ALL = new Filter(null, null, null, null, 0);

    /** Whether the filter lets a request through. */
    public boolean matches(Activity activity) {
        return activity.createdAtMillis() >= sinceMillis
                && (cached == null || cached == activity.outcome().isCached())
                && (endpoint == null || endpoint == activity.endpoint())
                && (model == null || isPart(model, activity.model()))
                && (scope == null || scope.equals(activity.scope()));
    }

    private static boolean isPart(String part, String name) {
        int last = name == null ? -1 : name.length() - part.length();
        return IntStream.rangeClosed(0, last).anyMatch(at -> name.regionMatches(true, at, part, 0, part.length()));
    }
}
