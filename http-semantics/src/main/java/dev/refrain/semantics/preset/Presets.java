package dev.refrain.semantics.preset;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The locally known presets by slug. Immutable and thread-safe. */
public final class Presets {
    private final Map<String, Preset> bySlug;

    /** Presets as configured, each slug once. */
    public Presets(List<PresetDefinition> definitions) {
        bySlug = definitions.stream()
                .map(Preset::new)
                .collect(Collectors.toUnmodifiableMap(Preset::slug, Function.identity()));
    }

    /** The preset with a slug; null if the slug is null or unknown. */
    public Preset named(String slug) {
        return slug == null ? null : bySlug.get(slug);
    }

    /**
     * The slug that a request names (W50), known here or not; null if it names none. The reference in {@code model} has
     * precedence over the one in {@code preset}. Both may be null.
     */
    public static String slug(String model, String preset) {
        String slug = model == null ? null : ModelReference.slug(model);
        return slug == null ? preset : slug;
    }

    /** A model without the preset that is named in it; empty if there is nothing else. */
    public static String model(String model) {
        return ModelReference.slug(model) == null ? model : ModelReference.model(model);
    }

    /** Whether there are no presets, so that request bodies need not be searched for references. */
    public boolean isEmpty() {
        return bySlug.isEmpty();
    }
}
