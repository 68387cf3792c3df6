package dev.refrain.semantics.policy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.PresetDefinition;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class CachePolicyTest {
    @Test
    void w4_cachingIsOffByDefault() {
        assertThat(decide(null, null, null, null, null)).isEqualTo(CacheControls.OFF);
        assertThat(decide(null, null, null, null, preset(null, null))).isEqualTo(CacheControls.OFF);
    }

    @Test
    void w4_theHeaderTurnsCachingOn() {
        assertThat(decide("true", null, null, null, null).enabled()).isTrue();
        assertThat(decide("true", null, null, null, preset(null, null)).enabled())
                .isTrue();
    }

    @Test
    void w4_aPresetTurnsCachingOn() {
        assertThat(decide(null, null, null, null, preset(true, null)).enabled()).isTrue();
    }

    @Test
    void w4_presetFalseBeatsHeaderTrue() {
        assertThat(decide("true", "60", "true", null, preset(false, 60))).isEqualTo(CacheControls.OFF);
    }

    @Test
    void w4_headerFalseBeatsPresetTrue() {
        assertThat(decide("false", null, null, null, preset(true, null))).isEqualTo(CacheControls.OFF);
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "TRUE", " True\t"})
    void w4_valuesAreTrimmedAndCaseInsensitive(String value) {
        CacheControls controls = decide(value, null, value, null, null);
        assertThat(controls.enabled()).isTrue();
        assertThat(controls.clear()).isTrue();
        assertThat(decide(value.replaceAll("(?i)true", "False"), null, null, null, preset(true, null))
                        .enabled())
                .isFalse();
    }

    @Test
    void w5_headerBeatsPresetBeatsDefault() {
        assertThat(decide("true", "7", null, null, preset(null, 60)).ttl()).isEqualTo(Duration.ofSeconds(7));
        assertThat(decide("true", null, null, null, preset(null, 60)).ttl()).isEqualTo(Duration.ofSeconds(60));
        assertThat(decide("true", null, null, null, preset(null, null)).ttl()).isEqualTo(Duration.ofMinutes(5));
        assertThat(decide("true", null, null, null, null).ttl()).isEqualTo(Duration.ofMinutes(5));
    }

    @ParameterizedTest
    @CsvSource({
        "60, 60",
        "60abc, 60",
        "1.5, 1",
        "'  60 ', 60",
        "'60 000', 60",
        "007, 7",
        "86400, 86400",
        "1e9, 1",
    })
    void w6_leadingDigitsCount(String header, long seconds) {
        assertThat(decide("true", header, null, null, null).ttl()).isEqualTo(Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @CsvSource({
        "0, 1",
        "000, 1",
        "1, 1",
        "86401, 86400",
        "2147483648, 86400",
        "9223372036854775808, 86400",
        "999999999999, 86400",
        "999999999999999999999, 86400",
    })
    void w6_numbersAreClamped(String header, long seconds) {
        assertThat(decide("true", header, null, null, null).ttl()).isEqualTo(Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(strings = {"abc", "-5", "+5", "", "  ", ".5", "٦٠"})
    void w6_withoutLeadingDigitTheHeaderIsIgnored(String header) {
        assertThat(decide("true", header, null, null, null).ttl()).isEqualTo(CacheControls.DEFAULT_TTL);
        assertThat(decide("true", header, null, null, preset(null, 60)).ttl()).isEqualTo(Duration.ofSeconds(60));
    }

    @Test
    void w7_clearNeedsCachingOn() {
        assertThat(decide(null, null, "true", null, null).clear()).isFalse();
        assertThat(decide("false", null, "true", null, preset(true, null)).clear())
                .isFalse();
        assertThat(decide("true", null, "true", null, null).clear()).isTrue();
        assertThat(decide(null, null, "true", null, preset(true, null)).clear()).isTrue();
        assertThat(decide("true", null, null, null, null).clear()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "yes", "on", "", "truee", "true, false"})
    void w8_otherValuesCountAsAbsent(String value) {
        assertThat(decide(value, null, null, null, null).enabled()).isFalse();
        assertThat(decide(value, null, null, null, preset(true, null)).enabled())
                .isTrue();
        assertThat(decide("true", null, value, null, null).clear()).isFalse();
    }

    private static Preset preset(Boolean enabled, Integer seconds) {
        return new Preset(new PresetDefinition("p", enabled, seconds, null, null, Map.of()));
    }

    private static CacheControls decide(
            String cache, String ttl, String clear, List<String> cacheControl, Preset preset) {
        return new RequestedCaching(cache, ttl, clear, cacheControl, Partition.NONE, CacheRules.USUAL, null, List.of())
                .with(preset, null);
    }
}
