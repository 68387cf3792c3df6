package dev.refrain.engine.internal.template;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.refrain.engine.Endpoint;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Wire rule W25 carried out a second time, on Jackson's trees, over random documents full of the names that it speaks of. */
class TemplatePropertiesTest {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    @Property(tries = 1000)
    void aHitOfABodyIsTheBodyButForTheNamedFields(@ForAll("documents") String body, @ForAll Endpoint endpoint)
            throws JsonProcessingException {
        ObjectNode expected = (ObjectNode) JSON.readTree(body);
        // Rule W16 is for the examples to check; here every body is made storable.
        String storable = body.substring(0, body.lastIndexOf('}')) + ",\"error\":null,\"status\":\"completed\"}";
        expected.putNull("error").put("status", "completed");
        apply(endpoint, expected);

        String hit = Sample.replay(Sample.captureWhole(endpoint, false, storable));

        assertThat(JSON.readTree(hit)).isEqualTo(expected);
    }

    @Property(tries = 1000)
    void aHitOfAnEventIsTheEventButForTheNamedFields(
            @ForAll("documents") String event, @ForAll("streaming") Endpoint endpoint, @ForAll Random lineBreaks)
            throws JsonProcessingException {
        ObjectNode expected = (ObjectNode) JSON.readTree(event);
        switch (endpoint) {
            case RESPONSES -> apply(endpoint, expected.get("response"));
            case MESSAGES -> {
                String type = expected.path("type").asText();
                if (type.equals("message_start") && expected.get("message") instanceof ObjectNode message) {
                    apply(endpoint, message);
                }
                if (type.equals("message_delta")) {
                    zero(expected, "usage");
                }
            }
            default -> apply(endpoint, expected);
        }
        String terminal = switch (endpoint) {
            case CHAT -> "data: [DONE]\n\n";
            case RESPONSES -> "data: {\"type\":\"response.completed\"}\n\n";
            default -> "data: {\"type\":\"message_stop\"}\n\n";
        };
        // The documents' line breaks become lines of data.
        String[] ends = {"\n", "\r\n", "\r"};
        StringBuilder stream = new StringBuilder();
        for (String line : event.split("[\r\n]", -1)) {
            stream.append("data:").append(lineBreaks.nextBoolean() ? " " : "\t").append(line);
            stream.append(ends[lineBreaks.nextInt(3)]);
        }
        // Not a line feed alone: after a carriage return that would be no blank line.
        stream.append("\n\n").append(terminal);

        String hit = Sample.replay(Sample.captureWhole(endpoint, true, stream.toString()));

        assertThat(hit).endsWith("\n\n" + terminal);
        String data = hit.substring(0, hit.length() - terminal.length()).replaceAll("(?<=^|[\r\n])data:", "");
        assertThat(JSON.readTree(data)).isEqualTo(expected);
    }

    @Property(tries = 300)
    void whatNamesNothingOfW25IsKeptToTheByte(@ForAll("documents") String body) {
        String plain = body.replaceAll("id|i\\\\u0064", "ix")
                .replaceAll("(c|.u0063)reated", "crated")
                .replace("usage", "ussage")
                .replace("completed_at", "at");

        Template template = Sample.captureWhole(Endpoint.CHAT, false, plain);

        assertThat(template.patchCount()).isZero();
        assertThat(Sample.replay(template)).isEqualTo(plain);
    }

    @Provide
    Arbitrary<Endpoint> streaming() {
        return Arbitraries.of(Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES);
    }

    @Provide
    Arbitrary<String> documents() {
        return Arbitraries.randomValue(random -> {
            StringBuilder json = new StringBuilder();
            new Documents(random, json).object(4);
            return json.toString();
        });
    }

    private static void apply(Endpoint endpoint, JsonNode answer) {
        if (!(answer instanceof ObjectNode object)) {
            return;
        }
        if (object.path("id").isTextual()) {
            object.set("id", TextNode.valueOf(Sample.ID));
        }
        String[] times = switch (endpoint) {
            case CHAT -> new String[] {"created"};
            case RESPONSES -> new String[] {"created_at", "completed_at"};
            default -> new String[0];
        };
        for (String time : times) {
            if (object.path(time).isNumber()) {
                object.put(time, Integer.parseInt(Sample.TIME));
            }
        }
        zero(object, "usage");
    }

    private static void zero(ObjectNode parent, String name) {
        if (parent.has(name)) {
            parent.set(name, zeroed(parent.get(name)));
        }
    }

    private static JsonNode zeroed(JsonNode node) {
        if (node.isNumber()) {
            return IntNode.valueOf(0);
        }
        if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                array.set(i, zeroed(array.get(i)));
            }
        } else if (node instanceof ObjectNode object) {
            for (Map.Entry<String, JsonNode> field : object.properties()) {
                field.setValue(zeroed(field.getValue()));
            }
        }
        return node;
    }

    /** Writes random JSON with every freedom of RFC 8259: white space, escapes, number spellings, repeated names. */
    private record Documents(Random random, StringBuilder json) {
        private static final String[] NAMES = {
            "id",
            "i\\u0064",
            "created",
            "created_at",
            "completed_at",
            "\\u0063reated",
            "usage",
            "usage",
            "response",
            "message",
            "type",
            "total_tokens",
            "input_tokens",
            "item",
            "choices",
            "a\\\"b",
            "",
            "ü"
        };
        private static final String[] TYPES = {
            "message_start", "message_delta", "ping", "response.created", "m\\u0065ssage_delta"
        };
        private static final String[] STRINGS = {
            "",
            "x",
            "chatcmpl-123",
            "\\\"id\\\":\\\"y\\\"",
            "{\\\"usage\\\":{\\\"n\\\":1}}",
            "\\\\",
            "你好",
            "\ud83d\ude00",
            "\\ud83d\\ude00",
            "line\\nbreak",
            "data: {}",
            "message_start"
        };
        private static final String[] NUMBERS = {
            "0",
            "-0",
            "1",
            "1741569952",
            "1741569952.25",
            "-17",
            "3.5e-7",
            "12E+3",
            "123456789012345678901234567890",
            "1e400"
        };
        private static final String[] SPACES = {"", "", "", " ", "\n", "\r", "\t", "  \n "};

        void object(int depth) {
            json.append('{');
            int size = depth == 4 ? 1 + random.nextInt(8) : random.nextInt(5);
            for (int i = 0; i < size; i++) {
                if (i > 0) {
                    json.append(',');
                }
                String name = pick(NAMES);
                space();
                json.append('"').append(name).append('"');
                space();
                json.append(':');
                space();
                if (name.equals("type") && random.nextInt(8) > 0) {
                    json.append('"').append(pick(TYPES)).append('"');
                } else {
                    value(depth - 1);
                }
                space();
            }
            json.append('}');
        }

        private void value(int depth) {
            switch (random.nextInt(depth > 0 ? 10 : 6)) {
                case 0, 1 -> json.append('"').append(pick(STRINGS)).append('"');
                case 2, 3, 4 -> json.append(pick(NUMBERS));
                case 5 -> json.append(pick("true", "false", "null"));
                case 6, 7, 8 -> object(depth);
                default -> array(depth);
            }
        }

        private void array(int depth) {
            json.append('[');
            int size = random.nextInt(4);
            for (int i = 0; i < size; i++) {
                if (i > 0) {
                    json.append(',');
                }
                space();
                value(depth - 1);
                space();
            }
            json.append(']');
        }

        private void space() {
            json.append(pick(SPACES));
        }

        private String pick(String... choices) {
            return choices[random.nextInt(choices.length)];
        }
    }
}
