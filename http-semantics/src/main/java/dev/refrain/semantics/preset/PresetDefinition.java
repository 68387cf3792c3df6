package dev.refrain.semantics.preset;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/**
 * The definition of a preset (wire rules W50 to W52). Immutable, if the map is not modified.
 *
 * @param slug the name that requests use; never null
 * @param cacheEnabled whether requests with this preset are cached, or null to leave it to their headers
 * @param cacheTtlSeconds lifetime of the answers in seconds, 1 to 31536000, or null for the default
 * @param model model for requests that name none, or null
 * @param systemPrompt instructions for requests that carry none, or null
 * @param parameters any other request field, in the order of their names; never null; not to be modified
 */
public record PresetDefinition(
        String slug,
        Boolean cacheEnabled,
        Integer cacheTtlSeconds,
        String model,
        String systemPrompt,
        Map<String, JsonNode> parameters) {}
