package dev.refrain.semantics.policy;

import dev.refrain.engine.exchange.Endpoint;
import java.util.List;

/** An operator's policies, in their order (wire rule W81). Immutable and thread-safe. */
public final class Policies {
    /** There are none. */
    public static final Policies NONE = new Policies(List.of());

    private final List<Policy> policies;
    private final boolean needBody;
    private final boolean mayTurnOn;

    /** @param inOrder the first that matches a request holds for it */
    public Policies(List<Policy> inOrder) {
        policies = List.copyOf(inOrder);
        needBody = policies.stream().anyMatch(Policy::needsBody);
        mayTurnOn = policies.stream().anyMatch(policy -> policy.cache() == Policy.Caching.ON);
    }

    /** Whether what holds for a request depends on its body. Otherwise its head decides. */
    public boolean needBody() {
        return needBody;
    }

    /** Whether a body may turn caching on, so that it has to be looked into. */
    public boolean mayTurnOn() {
        return needBody && mayTurnOn;
    }

    /**
     * The policy that holds for a request; null if none does.
     *
     * @param label configured name of the caller's API key, or what stands in its place
     * @param model that is asked for; null if there is none, or it is not known
     * @param preset slug of the preset that the request names, or null
     */
    public Policy first(Endpoint endpoint, String label, String model, String preset) {
        // By index: an iterator would be garbage.
        for (int i = 0; i < policies.size(); i++) {
            Policy policy = policies.get(i);
            if (policy.match().covers(endpoint, label, model, preset)) {
                return policy;
            }
        }
        return null;
    }
}
