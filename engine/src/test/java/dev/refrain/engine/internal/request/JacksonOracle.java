package dev.refrain.engine.internal.request;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a body with Jackson and its default features. The text is decoded strictly beforehand, because Jackson's own
 * UTF-8 decoder accepts some ill-formed sequences.
 */
final class JacksonOracle {
    private static final JsonFactory FACTORY = new JsonFactory();

    /** An escape sequence; six characters long if it stands for a surrogate. */
    private static final Pattern ESCAPE = Pattern.compile("\\\\(?:u[dD][89a-fA-F]\\p{XDigit}{2}|.)", Pattern.DOTALL);

    private JacksonOracle() {}

    /** The tokens of a body as they are spelled, or empty if it is not exactly one object. */
    static Optional<List<String>> tokens(byte[] body) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(body))
                    .toString();
            return text.startsWith("\ufeff") ? Optional.empty() : tokens(text);
        } catch (CharacterCodingException e) {
            return Optional.empty();
        }
    }

    private static Optional<List<String>> tokens(String text) {
        List<String> tokens = new ArrayList<>();
        try (JsonParser parser = FACTORY.createParser(withoutSurrogates(text))) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return Optional.empty();
            }
            do {
                tokens.add(spelling(parser, text));
                parser.nextToken();
            } while (!parser.getParsingContext().inRoot());
            tokens.add("}");
            return parser.nextToken() == null ? Optional.of(tokens) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * Jackson takes an escaped surrogate without its other half in values, but not in names. RFC 8259 allows both
     * (section 8.2), so another escape of the same length takes the place of every surrogate.
     */
    private static String withoutSurrogates(String text) {
        return ESCAPE.matcher(text)
                .replaceAll(
                        escape -> Matcher.quoteReplacement(escape.group().length() == 6 ? "\\uffff" : escape.group()));
    }

    private static String spelling(JsonParser parser, String text) throws IOException {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new IOException("ended early");
        }
        if (token != JsonToken.VALUE_STRING && token != JsonToken.FIELD_NAME) {
            return parser.getText();
        }
        parser.finishToken();
        int start = (int) parser.currentTokenLocation().getCharOffset();
        int at = start + 1;
        while (text.charAt(at) != '"') {
            at += text.charAt(at) == '\\' ? 2 : 1;
        }
        return text.substring(start, at + 1);
    }
}
