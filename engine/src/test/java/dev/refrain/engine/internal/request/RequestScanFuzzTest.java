package dev.refrain.engine.internal.request;

import static dev.refrain.engine.internal.request.Json.normalised;
import static dev.refrain.engine.internal.request.Json.scan;
import static dev.refrain.engine.internal.request.Json.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.engine.Damage;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** The scan of request bodies, fuzzed: it agrees with Jackson on any input, and never throws. */
class RequestScanFuzzTest {
    private static final String TYPICAL =
            "{\"model\":\"acme/large@preset/x\",\"preset\":\"x\",\"stream\":true,\"background\":false,"
                    + "\"messages\":[{\"role\":\"user\","
                    + "\"content\":[{\"type\":\"text\",\"text\":\"h\\u00e9llo \\\"w\\\\orld\\\" \u4f60\u597d "
                    + "\ud83d\ude00\"},{\"n\":-1.5e+3}]}],\"t\":null}";

    @Property
    void agreesWithJacksonOnDamagedObjects(
            @ForAll("objects") List<String> tokens, @ForAll("damages") List<Damage> damages, @ForAll long seed) {
        check(Damage.apply(damages, Json.spaced(tokens, seed)));
    }

    @Property
    void agreesWithJacksonOnDamagedRequests(@ForAll("damages") List<Damage> damages) {
        check(Damage.apply(damages, utf8(TYPICAL)));
    }

    @Property
    void agreesWithJacksonOnAnyBytes(@ForAll byte[] body) {
        check(body);
    }

    private static void check(byte[] body) {
        RequestScanGrammarTest.assertAgreement(body);
        RequestScan scan = scan(body);
        // Reading the scan's fields is safe for any body.
        scan.fields().model();
        scan.fields().preset();
        if (scan.isJsonObject()) {
            String normalised = normalised(body);
            assertThat(normalised(normalised.getBytes(StandardCharsets.ISO_8859_1)))
                    .isEqualTo(normalised);
            assertThat(JacksonOracle.tokens(normalised.getBytes(StandardCharsets.ISO_8859_1)))
                    .isEqualTo(JacksonOracle.tokens(body));
        }
    }

    @Provide
    Arbitrary<List<String>> objects() {
        return Json.objects();
    }

    @Provide
    Arbitrary<List<Damage>> damages() {
        return Damage.some("{}[]\":,\\ \n\t0129-+.eEtrufalsn/*'#\u001f\0"
                .chars()
                .mapToObj(c -> new byte[] {(byte) c})
                .toArray(byte[][]::new));
    }
}
