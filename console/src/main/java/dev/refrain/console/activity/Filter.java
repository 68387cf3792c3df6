package dev.refrain.console.activity;

import dev.refrain.engine.exchange.Endpoint;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A filter for requests; null means any. Immutable and thread-safe.
 *
 * @param cached whether the cache answered, see {@link Outcome#isCached}
 * @param outcomes what the cache did; empty means any, never null
 * @param model part of the requested model's name; case does not matter
 * @param scope as shown in {@link Activity#scope}
 * @param policy name of the policy that held for a request
 * @param namespace that a request named
 * @param requestId of the request, as shown in {@link Activity#requestId}
 * @param errors whether a request failed, see {@link Activity#isError}
 * @param minStatus the least status
 * @param maxStatus the greatest status
 * @param sinceMillis the earliest time at which a request came, milliseconds since the epoch
 * @param untilMillis the time before which a request came, milliseconds since the epoch
 */
public record Filter(
        Boolean cached,
        Set<Outcome> outcomes,
        String model,
        Endpoint endpoint,
        String scope,
        String policy,
        String namespace,
        String requestId,
        Boolean errors,
        int minStatus,
        int maxStatus,
        long sinceMillis,
        long untilMillis) {
    /** Every request. */
    public static final Filter ALL = new Filter(null, null, null, null, 0);

    /** Copies the outcomes. */
    public Filter {
        outcomes = Set.copyOf(outcomes);
    }

    /** A filter with neither outcomes, policy, namespace, request id, errors, status nor end of time. */
    public Filter(Boolean cached, String model, Endpoint endpoint, String scope, long sinceMillis) {
        this(
                cached,
                Set.of(),
                model,
                endpoint,
                scope,
                null,
                null,
                null,
                null,
                0,
                Integer.MAX_VALUE,
                sinceMillis,
                Long.MAX_VALUE);
    }

    /** Whether the filter lets a request through. */
    public boolean matches(Activity activity) {
        return activity.createdAtMillis() >= sinceMillis
                && activity.createdAtMillis() < untilMillis
                && activity.status() >= minStatus
                && activity.status() <= maxStatus
                && (cached == null || cached == activity.outcome().isCached())
                && (outcomes.isEmpty() || outcomes.contains(activity.outcome()))
                && (errors == null || errors == activity.isError())
                && (endpoint == null || endpoint == activity.endpoint())
                && (model == null || isPart(model, activity.model()))
                && (scope == null || scope.equals(activity.scope()))
                && (policy == null || policy.equals(activity.policy()))
                && (namespace == null || namespace.equals(activity.namespace()))
                && (requestId == null || requestId.equals(activity.requestId()));
    }

    private static boolean isPart(String part, String name) {
        int last = name == null ? -1 : name.length() - part.length();
        return IntStream.rangeClosed(0, last).anyMatch(at -> name.regionMatches(true, at, part, 0, part.length()));
    }
}
