package dev.refrain.semantics.preset;

import java.util.List;
import java.util.Map;
import java.util.Optional;
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

    /**
     * The preset that a request names (W50). The reference in {@code model} counts before the one in {@code preset}.
     *
     * @param model the request's {@code model}, or null
     * @param preset the request's {@code preset}, or null
     * @return empty if the request names no preset, or one that is not known here (W52)
     */
    public Optional<Preset> find(String model, String preset) {
        return Optional.ofNullable(named(slug(model, preset)));
    }

    /** The preset of a slug; null if that is null or not known here. */
    public Preset named(String slug) {
        return slug == null ? null : bySlug.get(slug);
    }

    /** The slug that a request names, known here or not, as in {@link #find}; null if it names none. */
    public static String slug(String model, String preset) {
        String slug = model == null ? null : ModelReference.slug(model);
        return slug == null ? preset : slug;
    }

    /** A model without the preset that is named in it; empty if there is nothing else. */
    public static String model(String model) {
        return ModelReference.slug(model) == null ? model : ModelReference.model(model);
    }

    /** Whether there are none, so that no request body has to be looked into for a reference. */
    public boolean isEmpty() {
        return bySlug.isEmpty();
    }
}
