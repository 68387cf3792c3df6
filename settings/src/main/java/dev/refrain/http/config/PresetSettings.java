package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.semantics.Spelling;
import dev.refrain.semantics.preset.PresetDefinition;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A preset as configured, under the vendor's own field names (wire rules W50 to W52).
 *
 * @param slug the name that requests use
 * @param cacheEnabled whether requests with this preset are cached, or null to leave it to their headers
 * @param cacheTtlSeconds lifetime of the entries of these requests, or null for the default
 * @param model model for requests that name none, or null
 * @param systemPrompt instructions for requests that carry none, or null
 * @param parameters further request fields, in the order of their names; never null; not to be modified
 */
@JsonNaming(SnakeCaseStrategy.class)
public record PresetSettings(
        @Setting(
                allowed = "made of letters, digits, '.', '_' and '-', in quotes if YAML takes it for true or false, "
                        + "and used once")
        String slug,

        @Setting(allowed = "true or false") Boolean cacheEnabled,

        @Setting(allowed = "a whole number of seconds from 1 to cache.max-ttl, which is 86400 unless set")
        Integer cacheTtlSeconds,

        @Setting(allowed = "the name of a model") String model,
        @Setting(allowed = "a text") String systemPrompt,
        @JsonAnySetter Map<String, JsonNode> parameters) {

    private static final List<String> OWN =
            List.of("slug", "cache_enabled", "cache_ttl_seconds", "model", "system_prompt");
    /**
     * Fields of requests that are not misspelt although their names resemble a component's: {@code models},
     * OpenRouter's list of fallbacks.
     */
    private static final Set<String> OTHERS = Set.of("models");

    /** Checks what does not depend on other presets. */
    public PresetSettings {
        InvalidSetting.unless(slug != null && slug.matches("[A-Za-z0-9._-]+"), "slug");
        InvalidSetting.unless(cacheTtlSeconds == null || cacheTtlSeconds >= 1, "cache_ttl_seconds");
        InvalidSetting.unless(model == null || !model.isBlank(), "model");
        checkSpelling(parameters == null ? Set.of() : parameters.keySet());
        parameters = parameters == null ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(parameters));
    }

    PresetDefinition definition() {
        return new PresetDefinition(slug, cacheEnabled, cacheTtlSeconds, model, systemPrompt, parameters);
    }

    /** Refuses misspelt fields. A misspelt field would have no effect here, and would be sent to the provider. */
    private static void checkSpelling(Set<String> names) {
        for (String name : names) {
            if (!OTHERS.contains(name)) {
                Spelling.meant(name, OWN).ifPresent(meant -> {
                    throw new MisspeltSetting(name, meant);
                });
            }
        }
    }
}
