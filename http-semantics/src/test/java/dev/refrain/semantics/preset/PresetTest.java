package dev.refrain.semantics.preset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.refrain.engine.exchange.Endpoint;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PresetTest {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'model':'@preset/x','messages':[]}             | {'messages':[],'model':'m'}",
                "{'model':'a/b@preset/x','messages':[]}          | {'model':'a/b','messages':[]}",
                "{'preset':'x','messages':[],'model':'a/b'}      | {'messages':[],'model':'a/b'}",
                "{'messages':[],'preset':'x'}                    | {'messages':[],'model':'m'}",
                "{'preset':'x','model':'@preset/x','stop':1}     | {'stop':1,'model':'m'}",
                "{'preset':'y','model':'@preset/x'}              | {'preset':'y','model':'m'}",
                "{'preset':'x','model':null}                     | {'model':null}",
                "{'preset':'x'}                                  | {'model':'m'}",
            })
    void w51_theReferenceIsRemovedAndTheModelFilledIn(String request, String expected) {
        assertThat(resolve(preset("m", null, Map.of()), Endpoint.CHAT, request)).isEqualTo(expected);
    }

    @Test
    void w51_aRequestWithNoFieldsLeftIsAnEmptyObject() {
        assertThat(resolve(preset(null, null, Map.of("seed", number("1"))), Endpoint.CHAT, "{'preset':'x','seed':2}"))
                .isEqualTo("{'seed':2}");
        assertThat(resolve(preset(null, "p", Map.of()), Endpoint.EMBEDDINGS, "{'preset':'x'}"))
                .isEqualTo("{}");
    }

    @Test
    void w51_fieldsAreMergedUnderTheRequestsOwn() throws Exception {
        Preset preset = preset(
                "m", null, Map.of("temperature", number("0.10"), "reasoning", JSON.readTree("{\"z\":1,\"a\":1}")));

        assertThat(resolve(preset, Endpoint.CHAT, "{'messages':[],'temperature':1,'model':'@preset/x'}"))
                .isEqualTo("{'messages':[],'temperature':1,'model':'m','reasoning':{'z':1,'a':1}}");
        assertThat(resolve(preset, Endpoint.CHAT, "{'reasoning':{'b':2},'preset':'x','model':'n'}"))
                .isEqualTo("{'reasoning':{'b':2},'model':'n','temperature':0.10}");
    }

    @ParameterizedTest
    @ValueSource(strings = {"messages", "input"})
    void w51_messagesAndInputNeverComeFromThePreset(String field) {
        Preset preset = preset("m", null, Map.of(field, JSON.createArrayNode()));

        assertThat(resolve(preset, Endpoint.CHAT, "{'" + field + "':[1],'preset':'x'}"))
                .isEqualTo("{'" + field + "':[1],'model':'m'}");
        assertThat(resolve(preset, Endpoint.CHAT, "{'preset':'x'}")).isEqualTo("{'model':'m'}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'preset':'x','messages':[{'role':'user'}]} | "
                        + "{'messages':[{'role':'system','content':'p'},{'role':'user'}]}",
                "{'preset':'x','messages': [ ] }             | {'messages': [{'role':'system','content':'p'} ]}",
                "{'preset':'x','messages':[1,[2],{'a':{'role':'system'}}]} "
                        + "| {'messages':[{'role':'system','content':'p'},1,[2],{'a':{'role':'system'}}]}",
                "{'preset':'x','messages':[{'role':'user'},{'content':[{}],'role':'system'}]} "
                        + "| {'messages':[{'role':'user'},{'content':[{}],'role':'system'}]}",
                "{'preset':'x','messages':[{'role':'developer'}],'n':1} | {'messages':[{'role':'developer'}],'n':1}",
                "{'preset':'x','messages':'none'}            | {'messages':'none'}",
                "{'preset':'x','n':1}                        | {'n':1}",
            })
    void w51_theSystemPromptOpensAChat(String request, String expected) {
        assertThat(resolve(preset(null, "p", Map.of()), Endpoint.CHAT, request)).isEqualTo(expected);
    }

    @Test
    void w51_theSystemPromptTakesEachFormatsPlace() {
        Preset preset = preset(null, "p", Map.of());

        assertThat(resolve(preset, Endpoint.RESPONSES, "{'preset':'x','input':'i'}"))
                .isEqualTo("{'input':'i','instructions':'p'}");
        assertThat(resolve(preset, Endpoint.RESPONSES, "{'preset':'x','instructions':'own'}"))
                .isEqualTo("{'instructions':'own'}");
        assertThat(resolve(preset, Endpoint.MESSAGES, "{'preset':'x','messages':[{}]}"))
                .isEqualTo("{'messages':[{}],'system':'p'}");
        assertThat(resolve(preset, Endpoint.MESSAGES, "{'preset':'x','system':[]}"))
                .isEqualTo("{'system':[]}");
        assertThat(resolve(preset, Endpoint.EMBEDDINGS, "{'preset':'x','input':'i'}"))
                .isEqualTo("{'input':'i'}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.1000000000000000055511151231257827",
                "123456789012345678901234567890",
                "1E5",
                "-0",
                "-0.0",
                "1e-400",
                "\"\\ud800 \\u00e9 é 😀 \\/\"",
                "[ 1 ,\n{ \"a\\u0062\" : true } ]",
                "\"\""
            })
    void w51_whatTheClientWroteStaysByteForByte(String value) {
        Preset preset = preset("m", "p", Map.of());
        String field = " \"\\u0066\" :\t" + value;

        assertThat(raw(preset, Endpoint.CHAT, "\n{" + field + " , \"preset\" : \"x\" } "))
                .isEqualTo("{" + field.strip() + ",\"model\":\"m\"}");
        assertThat(raw(preset, Endpoint.CHAT, "{\"preset\":\"x\"," + field + "}"))
                .isEqualTo("{" + field.strip() + ",\"model\":\"m\"}");
    }

    @Test
    void w51_aNumberOfAnyLengthAndALongStringPassThrough() {
        String digits = "7".repeat(50_000);
        String text = "é".repeat(50_000);

        assertThat(raw(
                        preset("m", null, Map.of()),
                        Endpoint.CHAT,
                        "{\"a\":" + digits + ",\"b\":\"" + text + "\",\"preset\":\"x\"}"))
                .isEqualTo("{\"a\":" + digits + ",\"b\":\"" + text + "\",\"model\":\"m\"}");
    }

    /** Compares the result with a merge of Jackson's trees, on random requests. */
    @Test
    void w51_equalsAMergeOfTrees() throws Exception {
        Random random = new Random(51);
        for (int i = 0; i < 2_000; i++) {
            Map<String, JsonNode> own = new LinkedHashMap<>();
            Map<String, JsonNode> parameters = new HashMap<>();
            for (int f = random.nextInt(6); f > 0; f--) {
                own.put("f" + random.nextInt(8), value(random, 3));
                parameters.put("f" + random.nextInt(8), value(random, 3));
            }
            own.put("preset", JSON.getNodeFactory().textNode("x"));
            JsonNode request = JSON.valueToTree(own);
            byte[] body = random.nextBoolean()
                    ? JSON.writeValueAsBytes(request)
                    : JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(request);

            Map<String, JsonNode> expected = new HashMap<>(parameters);
            expected.putAll(own);
            expected.remove("preset");
            byte[] resolved = preset(null, null, parameters).resolve(Endpoint.CHAT, body);
            assertThat(JSON.readTree(resolved)).isEqualTo(JSON.readTree(JSON.writeValueAsBytes(expected)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{", "{\"a\":}", "{\"a\":1", "nonsense"})
    void refusesABodyThatIsNotAJsonObject(String body) {
        assertThatThrownBy(() -> raw(preset("m", null, Map.of()), Endpoint.CHAT, body))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void w51_onlyCacheFieldsMakeAPolicy() {
        assertThat(new Preset(new PresetDefinition("x", true, 60, null, null, Map.of())).isPolicyOnly())
                .isTrue();
        assertThat(preset("m", null, Map.of()).isPolicyOnly()).isFalse();
        assertThat(preset(null, "p", Map.of()).isPolicyOnly()).isFalse();
        assertThat(preset(null, null, Map.of("seed", number("1"))).isPolicyOnly())
                .isFalse();
    }

    @Test
    void fingerprintDoesNotDependOnOrderSlugOrPolicy() throws Exception {
        Map<String, JsonNode> one = new LinkedHashMap<>();
        one.put("b", JSON.readTree("{\"y\":[{\"d\":1,\"c\":2}],\"x\":0.10}"));
        one.put("a", number("1"));
        Map<String, JsonNode> other = new LinkedHashMap<>();
        other.put("a", number("1"));
        other.put("b", JSON.readTree("{\"x\":0.10,\"y\":[{\"c\":2,\"d\":1}]}"));

        assertThat(new Preset(new PresetDefinition("s", true, 60, "m", "p", one)).fingerprint())
                .isEqualTo(new Preset(new PresetDefinition("t", null, null, "m", "p", other)).fingerprint())
                // SHA-256 of {"a":1,"b":{"x":0.10,"y":[{"c":2,"d":1}]},"model":"m","system_prompt":"p"}, by sha256sum
                .isEqualTo("10982a208f1092de36aa03e5fa5f9b5062a3e1f236b45591cf9b14b012d667b4");
    }

    @Test
    void fingerprintChangesWithWhatIsFilledIn() {
        Map<String, JsonNode> parameters = Map.of("seed", number("1"));

        assertThat(Stream.of(
                                preset("m", "p", parameters),
                                preset("n", "p", parameters),
                                preset("m", "q", parameters),
                                preset("m", null, parameters),
                                preset("m", "p", Map.of("seed", number("2"))),
                                preset("m", "p", Map.of()))
                        .map(Preset::fingerprint))
                .doesNotHaveDuplicates();
    }

    private static JsonNode value(Random random, int depth) {
        JsonNodeFactory nodes = JSON.getNodeFactory();
        return switch (random.nextInt(depth > 0 ? 7 : 5)) {
            case 0 -> nodes.numberNode(random.nextInt());
            case 1 -> nodes.numberNode(new BigDecimal(random.nextInt()).movePointLeft(random.nextInt(20)));
            case 2 -> nodes.textNode(new String[] {"", "a\"\\\n", "é€😀", "}],:"}[random.nextInt(4)]);
            case 3 -> nodes.booleanNode(random.nextBoolean());
            case 4 -> nodes.nullNode();
            case 5 -> nodes.arrayNode().add(value(random, depth - 1)).add(value(random, depth - 1));
            default -> nodes.objectNode().set("f" + random.nextInt(3), value(random, depth - 1));
        };
    }

    private static Preset preset(String model, String systemPrompt, Map<String, JsonNode> parameters) {
        return new Preset(new PresetDefinition("x", null, null, model, systemPrompt, parameters));
    }

    private static JsonNode number(String text) {
        try {
            return JSON.readTree(text);
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    /** Quotes are written as apostrophes here, for readability. */
    private static String resolve(Preset preset, Endpoint endpoint, String request) {
        return raw(preset, endpoint, request.replace('\'', '"')).replace('"', '\'');
    }

    private static String raw(Preset preset, Endpoint endpoint, String request) {
        return new String(preset.resolve(endpoint, request.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
    }
}
