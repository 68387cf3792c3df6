package dev.refrain.semantics.policy;

import dev.refrain.engine.exchange.Endpoint;
import java.util.List;

/** An operator's policies, in their order (wire rule W81). Immutable and thread-safe. */
public final class Policies {
    /** No policies. */
    public static final Policies NONE = new Policies(List.of());

    private final List<Policy> policies;
    /** Index of the first policy that depends on the body; the number of policies if none does. */
    private final int needsBody;

    private final boolean mayTurnOn;

    /** @param inOrder policies in their order: the first that matches a request applies to it */
    public Policies(List<Policy> inOrder) {
        policies = List.copyOf(inOrder);
        needsBody =
                (int) policies.stream().takeWhile(policy -> !policy.needsBody()).count();
        mayTurnOn = policies.stream().anyMatch(policy -> policy.cache() == Policy.Caching.ON);
    }

    /** Whether a policy may depend on the request's body. Otherwise the head decides. */
    public boolean needBody() {
        return needsBody < policies.size();
    }

    /** Whether a body may turn caching on, so that it has to be examined. */
    public boolean mayTurnOn() {
        return needBody() && mayTurnOn;
    }

    /**
     * The policy that applies to a request; null if none does. For a request with several labels or models, each pair
     * of a label and a model finds its first matching policy. Of these, the one that is first in the list applies. If
     * one of them forbids caching ({@link Policy.Caching#NEVER}), that one applies instead.
     *
     * @param labels the names of the caller's API keys and team; the caller's label if it has no names; may be empty
     * @param models requested models, may be empty; {@code *} matches the model of every policy that forbids caching
     * @param preset slug of the preset that the request names, or null
     */
    public Policy first(Endpoint endpoint, List<String> labels, List<String> models, String preset) {
        int first = policies.size();
        int firstNever = first;
        // By index, since an iterator would be garbage on each request.
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
     * The policy that applies to a request whatever its body; null if there is none, or the body decides.
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

    /** Index of the first policy that matches; the number of policies if none does. */
    private int place(Endpoint endpoint, String label, String model, String preset) {
        for (int i = 0; i < policies.size(); i++) {
            if (policies.get(i).covers(endpoint, label, model, preset)) {
                return i;
            }
        }
        return policies.size();
    }
}
