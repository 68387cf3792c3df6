package dev.refrain.spring;

import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.policy.Policy;
import java.time.Duration;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * A policy in the words of a proxy's (wire rule W81); null is what it does not say. {@link Policy.Builder} says what
 * its parts mean. Immutable.
 *
 * @param match all requests if it says nothing
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
    /** Which requests it is for; null is any. No request of a program has a label. */
    public record Match(String label, String model, Endpoint endpoint, String preset) {}

    /** @param place in the list, which names a policy that has no name */
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
