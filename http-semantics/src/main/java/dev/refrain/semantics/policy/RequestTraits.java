package dev.refrain.semantics.policy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.io.InputStream;

/**
 * What a request's body says that the limits of policies are about. Read only where the policy that holds for a request
 * has a limit. Immutable and thread-safe.
 *
 * @param temperature {@link #USUAL_TEMPERATURE} if it says none, not a number if it says something else, 0 for
 *     embeddings, which are not sampled
 * @param tools whether it offers tools or functions
 * @param turns its messages of the user: elements of {@code messages} or {@code input} with {@code "role": "user"}; an
 *     {@code input} that is a text is one
 */
public record RequestTraits(double temperature, boolean tools, int turns) {
    /** What OpenAI's and Anthropic's APIs take where a request says no temperature. */
    public static final double USUAL_TEMPERATURE = 1;

    /** Of a name, or of a text that is looked at. */
    private static final int MOST_CHARACTERS = 64 * 1024;

    /** What cannot be read exceeds every limit. */
    private static final RequestTraits UNKNOWN = new RequestTraits(Double.NaN, true, Integer.MAX_VALUE);

    /**
     * Keeps no name for the next body, since clients choose the names. A body with a name or text that is longer than
     * any that is looked at cannot be read.
     */
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(MOST_CHARACTERS)
                    .maxNameLength(MOST_CHARACTERS)
                    .build())
            .build();

    /** Reads a body to its end, in one pass and without keeping any of it. */
    public static RequestTraits of(Endpoint endpoint, InputStream body) {
        try (JsonParser parser = JSON.createParser(body)) {
            return parser.nextToken() == JsonToken.START_OBJECT ? read(endpoint, parser) : UNKNOWN;
        } catch (IOException | NumberFormatException e) {
            return UNKNOWN;
        }
    }

    private static RequestTraits read(Endpoint endpoint, JsonParser parser) throws IOException {
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
        boolean isSampled = endpoint != Endpoint.EMBEDDINGS;
        return new RequestTraits(isSampled ? temperature : 0, tools || functions, Math.max(messages, input));
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
