package dev.refrain.semantics.policy;

import dev.refrain.engine.exchange.Endpoint;
import java.util.List;

/** An operator's policies, in their order (wire rule W81). Immutable and thread-safe. */
public final class Policies {
    /** There are none. */
    public static final Policies NONE = new Policies(List.of());

    private final List<Policy> policies;
    /** The place of the first that depends on a body. */
    private final int needsBody;

    private final boolean mayTurnOn;

    /** @param inOrder the first that matches a request holds for it */
    public Policies(List<Policy> inOrder) {
        policies = List.copyOf(inOrder);
        needsBody =
                (int) policies.stream().takeWhile(policy -> !policy.needsBody()).count();
        mayTurnOn = policies.stream().anyMatch(policy -> policy.cache() == Policy.Caching.ON);
    }

    /** Whether what holds for a request depends on its body. Otherwise its head decides. */
    public boolean needBody() {
        return needsBody < policies.size();
    }

    /** Whether a body may turn caching on, so that it has to be looked into. */
    public boolean mayTurnOn() {
        return needBody() && mayTurnOn;
    }

    /**
     * The policy that holds for a request; null if none does. A request with several labels or models may be any of
     * those that have one of each: it gets the first policy in the list that one of these gets, but if one of them may
     * never be cached, neither may it.
     *
     * @param labels configured names of the caller's API keys, or what stands in their place; may be empty
     * @param models that are asked for, may be empty; {@code *} may be any of them to policies that say never
     * @param preset slug of the preset that the request names, or null
     */
    public Policy first(Endpoint endpoint, List<String> labels, List<String> models, String preset) {
        int first = policies.size();
        int firstNever = first;
        // By index: an iterator would be garbage.
        for (int l = 0; l < Math.max(labels.size(), 1); l++) {
            String label = labels.isEmpty() ? null : labels.get(l);
            for (int m = 0; m < Math.max(models.size(), 1); m++) {
                int place = place(endpoint, label, models.isEmpty() ? null : models.get(m), preset);
                first = Math.min(first, place);
                if (place < firstNever && policies.get(place).cache() == Policy.Caching.NEVER) {
                    firstNever = place;
                }
            }
        }
        int holds = firstNever < policies.size() ? firstNever : first;
        return holds < policies.size() ? policies.get(holds) : null;
    }

    /**
     * The policy that holds for a request whatever its body is; null if there is none, or the body decides.
     *
     * @param labels see {@link #first(Endpoint, List, List, String)}
     */
    public Policy byHead(Endpoint endpoint, List<String> labels) {
        Policy first = first(endpoint, labels, List.of(), null);
        if (!needBody() || first == null) {
            return first;
        }
        boolean isKnown = true;
        for (int l = 0; l < Math.max(labels.size(), 1); l++) {
            isKnown &= place(endpoint, labels.isEmpty() ? null : labels.get(l), null, null) < needsBody;
        }
        boolean isFinal = first.cache() == Policy.Caching.NEVER && policies.indexOf(first) < needsBody;
        return isKnown || isFinal ? first : null;
    }

    /** The number of policies if none fits. */
    private int place(Endpoint endpoint, String label, String model, String preset) {
        for (int i = 0; i < policies.size(); i++) {
            if (policies.get(i).covers(endpoint, label, model, preset)) {
                return i;
            }
        }
        return policies.size();
    }
}
