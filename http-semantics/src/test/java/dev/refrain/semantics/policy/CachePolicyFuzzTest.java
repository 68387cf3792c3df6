package dev.refrain.semantics.policy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.CacheControls;
import dev.refrain.semantics.preset.Preset;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The cache's own header fields, fuzzed: with any values, the decision is valid. */
class CachePolicyFuzzTest {
    @Property
    void everyValueIsAppliedOrIgnored(
            @ForAll("values") String cache,
            @ForAll("values") String ttl,
            @ForAll("values") String clear,
            @ForAll("lines") List<String> cacheControl) {
        CacheControls controls = decide(cache, ttl, clear, cacheControl, null);
        assertThat(controls.enabled()).isEqualTo(cache.strip().equalsIgnoreCase("true"));
        // Constructing a lifetime out of range would have thrown.
        assertThat(decide("true", ttl, clear, cacheControl, null).directives())
                .isEqualTo(CacheControlField.parse(cacheControl));
    }

    /**
     * RFC 9110, 5.3: lines of a list field mean the same as one line with commas in between, if no quote is left open.
     */
    @Property
    void linesAreOneList(@ForAll("lines") List<String> lines) {
        List<String> closed = lines.stream().map(line -> line.replace("\"", "")).toList();
        assertThat(CacheControlField.parse(closed))
                .isEqualTo(CacheControlField.parse(List.of(String.join(",", closed))));
    }

    @Provide
    Arbitrary<String> values() {
        return Arbitraries.oneOf(
                Arbitraries.strings(),
                pieces("true", "TRUE", "false", " ", "\t", "0", "9", "60", "-", ".", "abc", "\u00a0", "\u0661"));
    }

    @Provide
    Arbitrary<List<String>> lines() {
        return pieces(
                        "max-age",
                        "stale-if-error",
                        "no-cache",
                        "NO-STORE",
                        "only-if-cached",
                        "x",
                        "=",
                        "\"",
                        "\\",
                        ",",
                        " ",
                        "\t",
                        "7",
                        "99999999999",
                        "\0",
                        "\u00e9")
                .list()
                .ofMaxSize(3);
    }

    private static Arbitrary<String> pieces(String... pieces) {
        return Arbitraries.of(pieces).list().ofMaxSize(10).map(list -> String.join("", list));
    }

    private static CacheControls decide(
            String cache, String ttl, String clear, List<String> cacheControl, Preset preset) {
        return new RequestedCaching(cache, ttl, clear, cacheControl, Partition.NONE, CacheRules.USUAL, null, List.of())
                .with(preset, null);
    }
}
