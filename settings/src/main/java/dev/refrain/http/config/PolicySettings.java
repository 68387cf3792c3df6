package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.KebabCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.policy.Policies;
import dev.refrain.semantics.policy.Policy;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A policy as configured (wire rule W81). A component is null if the policy does not set it. {@link Policy} explains
 * all components.
 */
@JsonNaming(KebabCaseStrategy.class)
public record PolicySettings(
        @Setting(allowed = "a text of 1 to 64 characters, used once")
        String name,

        @Setting(allowed = "a group of settings: any of label, model, endpoint and preset")
        Match match,

        @Setting(allowed = "on, off or never") Policy.Caching cache,

        @Setting(allowed = "a duration from 1s to the policy's max-ttl, or else to cache.max-ttl")
        Duration ttl,

        @Setting(allowed = "a duration from 1s to 365d, such as 24h or 30d")
        Duration maxTtl,

        @Setting(allowed = "read-write, read-only or write-only")
        Policy.Mode mode,

        @Setting(allowed = "a number from 0 to 2, such as 0 or 0.3")
        Double maxTemperature,

        @Setting(allowed = "true or false") Boolean tools,

        @Setting(allowed = "a whole number from 1 to 1000000")
        Integer maxTurns) {

    /** The requests for which a policy holds, see {@link Policy.Builder}. */
    public record Match(
            @Setting(allowed = "a name that labels has") String label,

            @Setting(allowed = "the name of a model, where * stands for any characters")
            String model,

            @Setting(allowed = "chat, responses, messages or embeddings")
            Endpoint endpoint,

            @Setting(allowed = "the slug of a preset: letters, digits, '.', '_' and '-'")
            String preset) {
        /** Checks what the components' types do not. */
        public Match {
            InvalidSetting.unless(preset == null || preset.matches("[A-Za-z0-9._-]+"), "preset");
        }
    }

    /** Checks what does not depend on other settings. */
    public PolicySettings {
        InvalidSetting.unless(name == null || (!name.isBlank() && name.length() <= 64), "name");
        if (maxTtl != null) {
            Checks.ttl(maxTtl, CacheControls.MAX_TTL, "max-ttl");
        }
        InvalidSetting.unless(
                maxTemperature == null || (maxTemperature >= 0 && maxTemperature <= 2), "max-temperature");
        InvalidSetting.unless(maxTurns == null || (maxTurns >= 1 && maxTurns <= 1_000_000), "max-turns");
    }

    /** Checks policies against each other, and against other settings. */
    static void check(List<PolicySettings> policies, Duration longest, List<LabelSettings> labels) {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < policies.size(); i++) {
            String element = "policies[" + i + "]";
            PolicySettings policy = policies.get(i);
            InvalidSetting.unless(policy != null, element);
            InvalidSetting.unless(policy.name == null || names.add(policy.name), element + ".name");
            if (policy.ttl != null) {
                Checks.ttl(policy.ttl, policy.maxTtl == null ? longest : policy.maxTtl, element + ".ttl");
            }
            String label = policy.match == null ? null : policy.match.label();
            InvalidSetting.unless(
                    label == null
                            || labels.stream().anyMatch(known -> known.name().equals(label)),
                    element + ".match.label");
        }
    }

    /** The policies in their order. A policy without a name is named after its place in the list. */
    static Policies inOrder(List<PolicySettings> policies) {
        return new Policies(IntStream.range(0, policies.size())
                .mapToObj(i -> policies.get(i).policy("policies[" + i + "]"))
                .toList());
    }

    private Policy policy(String place) {
        Policy.Builder policy = Policy.builder(name == null ? place : name)
                .cache(cache)
                .ttl(ttl)
                .maxTtl(maxTtl)
                .mode(mode == null ? Policy.Mode.READ_WRITE : mode)
                .maxTemperature(maxTemperature)
                .tools(tools == null || tools)
                .maxTurns(maxTurns);
        if (match != null) {
            policy.label(match.label())
                    .model(match.model())
                    .endpoint(match.endpoint())
                    .preset(match.preset());
        }
        return policy.build();
    }
}
