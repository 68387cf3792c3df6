package dev.refrain.engine.internal.template;

import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;

/** Writes random JSON and uses every freedom of RFC 8259: white space, escapes, number spellings, repeated names. */
record Documents(Random random, StringBuilder json) {
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
        "choice",
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

    static Arbitrary<String> arbitrary() {
        return Arbitraries.randomValue(random -> {
            StringBuilder json = new StringBuilder();
            new Documents(random, json).object(4);
            return json.toString();
        });
    }

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
