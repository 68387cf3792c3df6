package dev.refrain.engine.internal.request;

import static dev.refrain.engine.internal.request.Json.scan;
import static dev.refrain.engine.internal.request.Json.utf8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which bodies are eligible: exactly those that Jackson takes for one object. */
class RequestScanGrammarTest {
    @Property(tries = 300)
    void acceptsEveryObject(@ForAll("objects") List<String> tokens, @ForAll long seed) {
        assertThat(scan(Json.compact(tokens)).isJsonObject()).isTrue();
        assertAgreement(Json.spaced(tokens, seed));
    }

    @Property(tries = 200)
    void acceptsNothingButObjects(@ForAll("values") List<String> tokens) {
        assertAgreement(Json.compact(tokens));
    }

    @Property(tries = 100)
    void agreesWithJacksonWhereverABodyIsCut(@ForAll("objects") List<String> tokens, @ForAll long seed) {
        byte[] body = Json.spaced(tokens, seed);
        for (int length = 0; length < body.length; length++) {
            assertAgreement(Arrays.copyOf(body, length));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                " \t\r\n{ \t\r\n} \t\r\n",
                "{\"\":\"\"}",
                "{\"a\":[]}",
                "{\"a\":[[],{},[{}]]}",
                "{\"a\":1,\"a\":2}",
                "{\"a\":-0}",
                "{\"a\":1E+5}",
                "{\"a\":1.5e-07}",
                "{\"a\":\"\\ud800\"}",
                "{\"\\ud800\":1}",
                "{\"a\":\"\\uDC00\\ud800\"}",
                "{\"a\":\"\\b\\f\\n\\r\\t\\/\\\\\\\"\\uabCD\"}",
                "{\"a\":\"\u007f\u0080\ufeff\"}",
            })
    void accepts(String body) {
        assertThat(scan(utf8(body)).isJsonObject()).isTrue();
        assertAgreement(utf8(body));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "[]",
                "\"x\"",
                "null",
                "1",
                "{",
                "}",
                "{}}",
                "{}{}",
                "{} 1",
                "{}\0",
                "{},",
                "\ufeff{}",
                "{}\u00a0",
                "{\f}",
                "{\"a\"}",
                "{\"a\":}",
                "{\"a\" 1}",
                "{\"a\"::1}",
                "{\"a\":1 2}",
                "{\"a\":1,}",
                "{,\"a\":1}",
                "{\"a\":1,,\"b\":1}",
                "{\"a\":1 \"b\":1}",
                "{a:1}",
                "{1:1}",
                "{'a':1}",
                "{\"a\":'b'}",
                "{\"a\":[1,]}",
                "{\"a\":[,]}",
                "{\"a\":[1 2]}",
                "{\"a\":[1}",
                "{\"a\":[}]",
                "{\"a\":{]}",
                "{\"a\":[\"b\":1]}",
                "{\"a\":01}",
                "{\"a\":-01}",
                "{\"a\":-}",
                "{\"a\":+1}",
                "{\"a\":1.}",
                "{\"a\":.1}",
                "{\"a\":1e}",
                "{\"a\":1e+}",
                "{\"a\":1.e1}",
                "{\"a\":0x1}",
                "{\"a\":1_0}",
                "{\"a\":NaN}",
                "{\"a\":Infinity}",
                "{\"a\":-Infinity}",
                "{\"a\":True}",
                "{\"a\":tru}",
                "{\"a\":truex}",
                "{\"a\":nul",
                "{\"a\":t",
                "{/**/}",
                "{}//",
                "{}#",
                "{\"a\":\"\n\"}",
                "{\"a\":\"\0\"}",
                "{\"a\":\"\u001f\"}",
                "{\"a\nb\":1}",
                "{\"a\":\"\\x\"}",
                "{\"a\":\"\\u12\"}",
                "{\"a\":\"\\u12g4\"}",
                "{\"a\":\"\\u+123\"}",
                "{\"a\":\"\\U0041\"}",
                "{\"a\":\"\\",
                "{\"a\":\"\\u004",
                "{\"a\":\"",
            })
    void rejects(String body) {
        assertThat(scan(utf8(body)).isJsonObject()).isFalse();
        assertAgreement(utf8(body));
    }

    @Test
    void nestsAsDeepAsJackson() {
        for (String unit : List.of("[", "{\"a\":")) {
            for (int depth : List.of(999, 1000, 1001, 100_000)) {
                String close = unit.equals("[") ? "]" : "}";
                // The outermost level is the object that holds the others; an innermost object has to have a value.
                String inner = unit.equals("[") ? "" : "1";
                byte[] body = utf8("{\"a\":" + unit.repeat(depth - 1) + inner + close.repeat(depth - 1) + "}");
                assertThat(scan(body).isJsonObject()).as("%s x %d", unit, depth).isEqualTo(depth <= 1000);
                assertAgreement(body);
            }
            assertThat(scan(utf8("{\"a\":" + unit.repeat(100_000))).isJsonObject())
                    .isFalse();
        }
    }

    /** Nothing is built from names and numbers, so Jackson's limits on their length do not matter here. */
    @Test
    void acceptsLongNamesAndNumbers() {
        assertThat(scan(utf8("{\"" + "a".repeat(60_000) + "\":" + "1".repeat(60_000) + "}"))
                        .isJsonObject())
                .isTrue();
    }

    /** Every document of a few characters after a name, so that cases that nobody thinks of are covered. */
    @Test
    void agreesWithJacksonOnAllShortValues() {
        Json.forEachSequence(
                utf8("{}[]\":,01-.e \\"), 4, value -> assertAgreement(concat(utf8("{\"a\":"), value, utf8("}"))));
    }

    @Test
    void agreesWithJacksonOnAllShortNumbers() {
        Json.forEachSequence(utf8("01-+.eE"), 5, value -> assertAgreement(concat(utf8("{\"a\":"), value, utf8("}"))));
    }

    /** Sequences of the bytes at both ends of every range in table 3-7 of the Unicode Standard. */
    @Test
    void agreesWithTheJdkOnUtf8() {
        byte[] alphabet = HexFormat.of().parseHex("227f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff");
        Json.forEachSequence(alphabet, 3, text -> assertAgreement(concat(utf8("{\"\":\""), text, utf8("\"}"))));
        for (String lead : List.of("f0", "f1", "f3", "f4", "f5", "ed", "e0")) {
            byte[] start = concat(utf8("{\"\":\"12345"), HexFormat.of().parseHex(lead));
            Json.forEachSequence(alphabet, 3, text -> assertAgreement(concat(start, text, utf8("\"}"))));
        }
    }

    /**
     * The scanner reads the ends of strings in groups of 8 bytes, and their middle in groups of 32. A byte must be seen
     * at any place in its group, whatever its neighbours are.
     */
    @Test
    void seesEveryByteWhateverItsNeighbour() {
        int longest = 8 + 2 * 32 + 8;
        for (int position = 0; position < longest; position++) {
            for (int value = 0; value < 256; value++) {
                for (int next : new int[] {0x1f, ' ', '"', '\\', 'n', 0x80, 0xdc}) {
                    // Tails of all lengths, in turn.
                    byte[] body = utf8("{\"a\":\"" + "x".repeat(Math.max(position + 2, longest - value % 40)) + "\"}");
                    body[6 + position] = (byte) value;
                    body[7 + position] = (byte) next;
                    assertAgreement(body);
                }
            }
        }
    }

    static void assertAgreement(byte[] body) {
        boolean expected = JacksonOracle.tokens(body).isPresent();
        // Once inside an array, where reading too far would find something, and once at its end, where it would throw.
        boolean inside = scan(body).isJsonObject();
        boolean alone = RequestScan.of(body, 0, body.length).isJsonObject();
        if (inside != expected || alone != expected) {
            throw new AssertionError((expected ? "should be accepted: " : "should be rejected: ") + printable(body));
        }
    }

    private static String printable(byte[] body) {
        StringBuilder text = new StringBuilder();
        for (byte b : body) {
            text.append(b >= ' ' && b < 0x7f ? String.valueOf((char) b) : "<%02x>".formatted(b));
        }
        return text.toString();
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }

    @Provide
    Arbitrary<List<String>> objects() {
        return Json.objects();
    }

    @Provide
    Arbitrary<List<String>> values() {
        return Json.values(2);
    }
}
