package dev.refrain.engine.internal.request;

import static dev.refrain.engine.internal.request.Json.scan;
import static dev.refrain.engine.internal.request.Json.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import org.junit.jupiter.api.Test;

/** The top-level fields of a request, compared with Jackson's tree. */
class RequestScanFieldsTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Property(tries = 2000)
    void agreesWithJackson(@ForAll("requests") List<String> tokens, @ForAll long seed) throws JsonProcessingException {
        byte[] body = Json.spaced(tokens, seed);
        JsonNode tree = MAPPER.readTree(new String(body, StandardCharsets.UTF_8));
        RequestScan scan = scan(body);
        assertThat(scan.isJsonObject()).isTrue();
        assertThat(scan.fields().model()).isEqualTo(tree.path("model").textValue());
        assertThat(scan.fields().preset()).isEqualTo(tree.path("preset").textValue());
        assertThat(scan.fields().stream()).isEqualTo(tree.path("stream").booleanValue());
        assertThat(scan.fields().background()).isEqualTo(tree.path("background").booleanValue());
    }

    @Test
    void readsAnOrdinaryRequest() {
        RequestScan scan = scan(utf8("""
                {
                  "model": "openai/gpt-4o",
                  "messages": [{"role": "user", "content": "say \\"model\\": \\"x\\"", "model": "y", "stream": false}],
                  "preset": "caf\\u00e9",
                  "stream": true
                }
                """));
        assertThat(scan.fields().model()).isEqualTo("openai/gpt-4o");
        assertThat(scan.fields().preset()).isEqualTo("café");
        assertThat(scan.fields().stream()).isTrue();
        assertThat(scan.fields().background()).isFalse();
    }

    @Test
    void findsNothingInAnEmptyObject() {
        assertNoFields(scan(utf8("{}")));
    }

    @Test
    void discardsTheFieldsOfABodyThatTurnsOutIneligible() {
        RequestScan scan = scan(utf8("{\"model\":\"m\",\"preset\":\"p\",\"stream\":true,\"background\":true}}"));
        assertThat(scan.isJsonObject()).isFalse();
        assertNoFields(scan);
    }

    @Test
    void refusesARangeOutsideTheArray() {
        assertThatThrownBy(() -> RequestScan.of(utf8("{}"), 1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    private static void assertNoFields(RequestScan scan) {
        assertThat(scan.fields().model()).isNull();
        assertThat(scan.fields().preset()).isNull();
        assertThat(scan.fields().stream()).isFalse();
        assertThat(scan.fields().background()).isFalse();
    }

    /** Objects whose names are mostly relevant ones, or nearly so, and whose values may hold such objects in turn. */
    @Provide
    Arbitrary<List<String>> requests() {
        Arbitrary<List<String>> scalars = Arbitraries.oneOf(
                        Arbitraries.of("true", "false", "null", "\"true\"", "1"), Json.strings())
                .map(List::of);
        Arbitrary<List<String>> nested = Json.object(names(), () -> scalars);
        Arbitrary<List<String>> lists = nested.list().ofMaxSize(2).map(list -> Json.enclose("[", list, "]"));
        return Json.object(
                names(), () -> Arbitraries.frequencyOf(Tuple.of(8, scalars), Tuple.of(1, nested), Tuple.of(1, lists)));
    }

    private static Arbitrary<String> names() {
        Arbitrary<String> plain = Arbitraries.of("model", "stream", "preset", "background");
        Arbitrary<String> escaped = Arbitraries.of(
                "\\u006dodel",
                "mod\\u0065l",
                "mode\\u006C",
                "\\u0073\\u0074\\u0072\\u0065\\u0061\\u006d",
                "pr\\u0065set",
                "backgroun\\u0064");
        Arbitrary<String> near = Arbitraries.of(
                "", "Model", "mode", "models", "model\\u0000", "\\u016dodel", "\\\\model", "mod\\nel", "strea\\b", "é");
        return Arbitraries.frequencyOf(Tuple.of(4, plain), Tuple.of(2, escaped), Tuple.of(2, near))
                .map(name -> '"' + name + '"');
    }
}
