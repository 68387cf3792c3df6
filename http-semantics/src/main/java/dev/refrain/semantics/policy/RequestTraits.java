package dev.refrain.semantics.policy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.io.InputStream;

/**
 * The properties of a request's body that policies limit. Read only if the policy that applies to a request has a
 * limit. Immutable and thread-safe.
 *
 * @param temperature {@link #USUAL_TEMPERATURE} if the body has none, NaN if the value is not a number, 0 for
 *     embeddings, which are not sampled
 * @param tools whether the body offers tools or functions
 * @param turns number of the user's messages: elements of {@code messages} or {@code input} with
 *     {@code "role": "user"}; an {@code input} that is a text counts as one
 */
public record RequestTraits(double temperature, boolean tools, int turns) {
    /** The default temperature of OpenAI's and Anthropic's APIs. */
    public static final double USUAL_TEMPERATURE = 1;

    /** Limit of a name, and of a text whose value is read, in characters. */
    private static final int MOST_CHARACTERS = 64 * 1024;

    /** Traits of a body that cannot be read, which exceed every limit. */
    private static final RequestTraits UNKNOWN = new RequestTraits(Double.NaN, true, Integer.MAX_VALUE);

    /**
     * Does not intern names, since clients choose them. A body counts as unreadable if a name, or a text whose value is
     * read, is too long.
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
        // Of several members with one name the last one counts, as in most servers.
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
