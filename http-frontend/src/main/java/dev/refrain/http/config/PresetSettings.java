package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A preset as configured, under the vendor's own field names (wire rules W50 to W52).
 *
 * @param slug the name that requests use
 * @param cacheEnabled whether requests with this preset are cached, or null to leave it to their headers
 * @param cacheTtlSeconds lifetime of what they store, or null for the default
 * @param model model for requests that name none, or null
 * @param systemPrompt instructions for requests that carry none, or null
 * @param parameters any other request field, in the order of their names; never null; not to be modified
 */
@JsonNaming(SnakeCaseStrategy.class)
public record PresetSettings(
        @Setting(
                allowed =
                        "made of letters, digits, '.', '_' and '-', in quotes if YAML takes it for true or false, and used once")
        String slug,

        @Setting(allowed = "true or false") Boolean cacheEnabled,

        @Setting(allowed = "a whole number of seconds from 1 to 86400")
        Integer cacheTtlSeconds,

        @Setting(allowed = "the name of a model") String model,
        @Setting(allowed = "a text") String systemPrompt,
        @JsonAnySetter Map<String, JsonNode> parameters) {

    private static final SnakeCaseStrategy SNAKE_CASE = new SnakeCaseStrategy();

    /** Checks what does not depend on other presets. */
    public PresetSettings {
        InvalidSetting.unless(slug != null && slug.matches("[A-Za-z0-9._-]+"), "slug");
        InvalidSetting.unless(
                cacheTtlSeconds == null || (cacheTtlSeconds >= 1 && cacheTtlSeconds <= 86_400), "cache_ttl_seconds");
        InvalidSetting.unless(model == null || !model.isBlank(), "model");
        parameters = parameters == null ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(parameters));
    }

    /** What a user may write for a field of a preset; for anything else, what a preset is. */
    static String allowed(String field) {
        return Arrays.stream(PresetSettings.class.getRecordComponents())
                .filter(component -> component.isAnnotationPresent(Setting.class))
                .filter(component -> SNAKE_CASE.translate(component.getName()).equals(field))
                .map(component -> component.getAnnotation(Setting.class).allowed())
                .findFirst()
                .orElse("a preset: a group of settings with a slug");
    }
}
