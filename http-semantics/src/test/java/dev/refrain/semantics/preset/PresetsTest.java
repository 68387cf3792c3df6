package dev.refrain.semantics.preset;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PresetsTest {
    private final Presets presets = new Presets(List.of(settings("one"), settings("two")));

    @ParameterizedTest
    @CsvSource({
        "@preset/one,               ,        one",
        "openai/gpt-5@preset/two,   ,        two",
        "openai/gpt-5,              one,     one",
        ",                          one,     one",
        "@preset/one,               two,     one",
        "openai/gpt-5,              ,        ",
        ",                          ,        ",
    })
    void w50_aRequestNamesAPresetInThreeWays(String model, String preset, String slug) {
        Preset named = presets.named(Presets.slug(model, preset));
        assertThat(named == null ? null : named.slug()).isEqualTo(slug);
    }

    @ParameterizedTest
    @CsvSource({"@preset/three,", "@preset/ONE,", "@preset/,", "m@preset/one/x,", ",three", "@preset/three,one"})
    void w52_anUnknownPresetIsAbsent(String model, String preset) {
        assertThat(presets.named(Presets.slug(model, preset))).isNull();
    }

    @Test
    void w52_withoutPresetsNothingIsFound() {
        assertThat(new Presets(List.of()).named(Presets.slug("@preset/one", "one")))
                .isNull();
    }

    private static PresetDefinition settings(String slug) {
        return new PresetDefinition(slug, true, null, null, null, Map.of());
    }
}
