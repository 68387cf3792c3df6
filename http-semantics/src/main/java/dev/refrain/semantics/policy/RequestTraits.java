package dev.refrain.semantics.policy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;

/**
 * What a request's body says that the limits of policies are about. Read only where the policy that holds for a request
 * has a limit. Immutable and thread-safe.
 *
 * @param temperature {@link #USUAL_TEMPERATURE} if it says none, not a number if it says something else
 * @param tools whether it offers tools or functions
 * @param turns its messages of the user: elements of {@code messages} or {@code input} with {@code "role": "user"}; an
 *     {@code input} that is a text is one
 */
public record RequestTraits(double temperature, boolean tools, int turns) {
    /** What OpenAI's and Anthropic's APIs take where a request says no temperature. */
    public static final double USUAL_TEMPERATURE = 1;

    /** What cannot be read exceeds every limit. */
    private static final RequestTraits UNKNOWN = new RequestTraits(Double.NaN, true, Integer.MAX_VALUE);

    /** The request has been read once, and its length is bounded. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .build())
            .build();

    /** Reads a body, in one pass and without keeping any of it. */
    public static RequestTraits of(byte[] body) {
        try (JsonParser parser = JSON.createParser(body)) {
            return parser.nextToken() == JsonToken.START_OBJECT ? read(parser) : UNKNOWN;
        } catch (IOException | NumberFormatException e) {
            return UNKNOWN;
        }
    }

    private static RequestTraits read(JsonParser parser) throws IOException {
        double temperature = USUAL_TEMPERATURE;
        boolean tools = false;
        boolean functions = false;
        int messages = 0;
        int input = 0;
        // As in Jackson, and in most servers, the last of members of one name counts.
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            parser.nextToken();
            switch (name) {
                case "temperature" -> temperature = temperature(parser);
                case "tools" -> tools = isAny(parser);
                case "functions" -> functions = isAny(parser);
                case "messages" -> messages = turns(parser);
                case "input" -> input = turns(parser);
                default -> parser.skipChildren();
            }
        }
        return new RequestTraits(temperature, tools || functions, Math.max(messages, input));
    }

    private static double temperature(JsonParser parser) throws IOException {
        double number = parser.currentToken().isNumeric()
                ? parser.getDoubleValue()
                : parser.currentToken() == JsonToken.VALUE_NULL ? USUAL_TEMPERATURE : Double.NaN;
        parser.skipChildren();
        return number;
    }

    /** Whether there is anything but {@code null} and an empty list. */
    private static boolean isAny(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            boolean isNull = parser.currentToken() == JsonToken.VALUE_NULL;
            parser.skipChildren();
            return !isNull;
        }
        boolean any = false;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            any = true;
            parser.skipChildren();
        }
        return any;
    }

    private static int turns(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            boolean isText = parser.currentToken() == JsonToken.VALUE_STRING;
            parser.skipChildren();
            return isText ? 1 : 0;
        }
        int turns = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() == JsonToken.START_OBJECT) {
                turns += isOfUser(parser) ? 1 : 0;
            } else {
                parser.skipChildren();
            }
        }
        return turns;
    }

    private static boolean isOfUser(JsonParser parser) throws IOException {
        boolean user = false;
        for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
            JsonToken value = parser.nextToken();
            if (name.equals("role")) {
                user = value == JsonToken.VALUE_STRING && parser.getText().equals("user");
            }
            parser.skipChildren();
        }
        return user;
    }
}
