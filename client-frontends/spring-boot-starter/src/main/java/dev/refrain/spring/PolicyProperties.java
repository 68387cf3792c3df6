package dev.refrain.spring;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.policy.Policy;
import java.time.Duration;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * A policy, with the names of a proxy's settings (wire rule W81). A component is null if the policy does not set it;
 * {@link Policy.Builder} explains each. Immutable.
 *
 * @param match which requests the policy is for; all if empty
 */
public record PolicyProperties(
        String name,
        @DefaultValue Match match,
        Policy.Caching cache,
        Duration ttl,
        Duration maxTtl,
        @DefaultValue("read-write") Policy.Mode mode,
        Double maxTemperature,
        @DefaultValue("true") boolean tools,
        Integer maxTurns) {
    /**
     * The requests for which a policy holds; null means any. Requests of a program have no label, so {@code label}
     * matches none.
     */
    public record Match(String label, String model, Endpoint endpoint, String preset) {}

    /** @param place index in the list, which stands in for the name of a policy without one */
    Policy policy(int place) {
        return Policy.builder(name == null ? "refrain.cache.policies[" + place + "]" : name)
                .label(match.label())
                .model(match.model())
                .endpoint(match.endpoint())
                .preset(match.preset())
                .cache(cache)
                .ttl(ttl)
                .maxTtl(maxTtl)
                .mode(mode)
                .maxTemperature(maxTemperature)
                .tools(tools)
                .maxTurns(maxTurns)
                .build();
    }
}
