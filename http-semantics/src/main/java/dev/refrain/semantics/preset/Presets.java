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
        String slug = model == null ? null : ModelReference.slug(model);
        slug = slug == null ? preset : slug;
        return slug == null ? Optional.empty() : Optional.ofNullable(bySlug.get(slug));
    }

    /** Whether there are none, so that no request body has to be looked into for a reference. */
    public boolean isEmpty() {
        return bySlug.isEmpty();
    }
}
