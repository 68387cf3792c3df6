package dev.refrain.engine.internal.request;

import static dev.refrain.engine.internal.request.Json.digested;
import static dev.refrain.engine.internal.request.Json.normalised;
import static dev.refrain.engine.internal.request.Json.scan;
import static dev.refrain.engine.internal.request.Json.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which eligible bodies are equal: exactly those whose tokens are spelled alike (W11). */
class RequestScanNormalisationTest {
    @Property(tries = 500)
    void dropsAllSpaceBetweenTokensAndNothingElse(@ForAll("objects") List<String> tokens, @ForAll long seed) {
        String compact = new String(Json.compact(tokens), StandardCharsets.ISO_8859_1);
        assertThat(normalised(Json.spaced(tokens, seed))).isEqualTo(compact);
        assertThat(normalised(Json.compact(tokens))).isEqualTo(compact);
    }

    /**
     * White space is inserted anywhere, inside strings and numbers too. Bodies that stay eligible are equal only if
     * they have equal tokens.
     */
    @Property(tries = 1000)
    void callsEqualWhatHasEqualTokens(@ForAll("objects") List<String> tokens, @ForAll long seed) {
        byte[] body = Json.compact(tokens);
        StringBuilder spaced = new StringBuilder(new String(body, StandardCharsets.ISO_8859_1));
        Random random = new Random(seed);
        for (int n = random.nextInt(3); n >= 0; n--) {
            spaced.insert(random.nextInt(spaced.length() + 1), ' ');
        }
        byte[] other = spaced.toString().getBytes(StandardCharsets.ISO_8859_1);
        if (scan(other).isJsonObject()) {
            assertThat(normalised(other).equals(normalised(body)))
                    .isEqualTo(JacksonOracle.tokens(other).equals(JacksonOracle.tokens(body)));
        }
    }

    /** Any two short documents that are eligible have equal normalised bytes if and only if they have equal tokens. */
    @Test
    void neverCallsDifferentShortDocumentsEqual() {
        Map<String, List<String>> tokensOf = new HashMap<>();
        Map<List<String>, String> normalisedOf = new HashMap<>();
        Json.forEachSequence(utf8("{}[]\":,12 "), 5, value -> {
            byte[] body = utf8("{\"a\":" + new String(value, StandardCharsets.US_ASCII) + "}");
            if (scan(body).isJsonObject()) {
                String normalised = normalised(body);
                List<String> tokens = JacksonOracle.tokens(body).orElseThrow();
                assertThat(tokensOf.computeIfAbsent(normalised, unused -> tokens))
                        .isEqualTo(tokens);
                assertThat(normalisedOf.computeIfAbsent(tokens, unused -> normalised))
                        .isEqualTo(normalised);
            }
        });
        assertThat(tokensOf).hasSizeGreaterThan(100);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"a\":\"x y\"}       | {\"a\":\"xy\"}",
                "{\"a\":\"x  y\"}      | {\"a\":\"x y\"}",
                "{\"a \":1}            | {\"a\":1}",
                "{\"a\":1,\"b\":2}     | {\"b\":2,\"a\":1}",
                "{\"a\":1}             | {\"a\":1.0}",
                "{\"a\":100}           | {\"a\":1e2}",
                "{\"a\":0}             | {\"a\":-0}",
                "{\"a\":\"\\u0041\"}   | {\"a\":\"A\"}",
                "{\"a\":\"\\/\"}       | {\"a\":\"/\"}",
                "{\"a\":1}             | {\"a\":1,\"stream\":false}",
                "{\"a\":1}             | {\"a\":1,\"a\":1}",
            })
    void keepsApart(String one, String other) {
        assertThat(scan(utf8(one)).isJsonObject()).isTrue();
        assertThat(scan(utf8(other)).isJsonObject()).isTrue();
        assertThat(normalised(utf8(one))).isNotEqualTo(normalised(utf8(other)));
    }

    @Test
    void dropsSpaceAroundTheDocumentAndBetweenTokensOnly() {
        byte[] body = utf8(" \n{ \"a\" :\t[1,\r\n\" 2 \"] }\n ");
        RequestScan scan = RequestScan.of(body, 1, body.length - 1);
        assertThat(digested(scan, "", 512)).isEqualTo("{\"a\":[1,\" 2 \"]}");
        assertThat(body).isEqualTo(utf8(" \n{ \"a\" :\t[1,\r\n\" 2 \"] }\n "));
    }

    @Test
    void leavesAnIneligibleBodyAsItCame() {
        byte[] body = utf8("x { \"model\" : 1 2 } y");
        RequestScan scan = RequestScan.of(body, 2, body.length - 4);
        assertThat(scan.isJsonObject()).isFalse();
        assertThat(scan.normalisedLength()).isEqualTo(body.length - 4);
        assertThat(digested(scan, "", 512)).isEqualTo("{ \"model\" : 1 2 }");
    }

    @Test
    void aLongDocumentWithMuchSpaceIsNormalised() {
        String element = "{\"role\":\"user\",\"content\":\"" + "text ".repeat(200) + "\"}";
        String spaced =
                "{ \"messages\" : [" + (" " + element.replace("\":", "\"\n : ") + " ,").repeat(99) + element + "]\n}";
        assertThat(normalised(utf8(spaced))).isEqualTo("{\"messages\":[" + (element + ",").repeat(99) + element + "]}");
    }

    /** For a body that is almost all white space, the list of gaps takes at most a quarter of the body's length. */
    @Test
    void f16_whiteSpaceTakesNoMoreThanAPartOfItsBody() {
        for (String space : List.of(" ", "\n\t", "")) {
            String gap = space + "," + space;
            byte[] body = utf8("{\"a\":[" + ("1" + gap).repeat(300_000) + "1]}");
            RequestScan scan = RequestScan.of(body, 0, body.length);
            assertThat(scan.keptBytes()).isLessThanOrEqualTo(body.length / 4);
            String compact = "{\"a\":[" + "1,".repeat(300_000) + "1]}";
            assertThat(scan.normalisedLength()).isEqualTo(compact.length());
            assertThat(new String(scan.normalised(), StandardCharsets.US_ASCII)).isEqualTo(compact);
            assertThat(digested(scan, "", 512)).isEqualTo(compact);
        }
    }

    /**
     * If the list of gaps is small, gaps that do not fit must be found again by a second scan, and left out of the
     * normalised body.
     */
    @Property(tries = 500)
    void gapsThatDoNotFitAreFoundAgain(@ForAll("objects") List<String> tokens, @ForAll long seed) {
        StringBuilder body = new StringBuilder("{ ");
        Random random = new Random(seed);
        for (int n = 0; n < 40; n++) {
            String value = new String(Json.spaced(tokens, seed + n), StandardCharsets.ISO_8859_1);
            switch (random.nextInt(3)) {
                case 0 -> body.append("\"user\" : ").append(value);
                case 1 ->
                    body.append("\"m\":{\"x\" :1 , \"id\" : ").append(value).append(" }");
                default -> body.append("\"k\" :").append(value);
            }
            body.append(n == 39 ? " }" : " , ".substring(random.nextInt(2)));
        }
        byte[] bytes = body.toString().getBytes(StandardCharsets.ISO_8859_1);
        IgnoredMembers ignored = new IgnoredMembers(List.of(List.of("user"), List.of("m", "id")));
        RequestScan roomy = RequestScan.of(bytes, 0, bytes.length, ignored);
        RequestScan cramped = new RequestScan(null, 32);
        cramped.scan(bytes, 0, bytes.length, ignored);
        assertThat(cramped.keptBytes()).isLessThanOrEqualTo(Math.max(512, bytes.length / 4));
        assertThat(cramped.normalised()).isEqualTo(roomy.normalised());
        assertThat(digested(cramped, "head", 512)).isEqualTo(digested(roomy, "head", 512));
        assertThat(cramped.normalisedLength()).isEqualTo(roomy.normalisedLength());
    }

    @Provide
    Arbitrary<List<String>> objects() {
        return Json.objects();
    }
}
