package dev.refrain.semantics.preset;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import dev.refrain.engine.exchange.Endpoint;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * Merges a preset under one request.
 *
 * <p>It copies slices of the request rather than writing a tree back: numbers of any size and spelling, escapes, lone
 * surrogates and white space come out as they went in, and a long prompt is neither decoded nor encoded.
 */
final class RequestMerge {
    /** Sizes are limited before a body gets here, and its numbers and strings are skipped over, not converted. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.CHARSET_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private final PresetFields preset;
    private final boolean chat;
    private final byte[] request;
    private final ByteArrayOutputStream out;
    private final Set<String> present = new HashSet<>();

    private RequestMerge(PresetFields preset, boolean chat, byte[] request) {
        this.preset = preset;
        this.chat = chat;
        this.request = request;
        this.out = new ByteArrayOutputStream(request.length + preset.size());
    }

    /**
     * @throws IllegalArgumentException if the request is not one JSON object
     */
    static byte[] merge(PresetFields preset, Endpoint endpoint, byte[] request) {
        try (JsonParser parser = JSON.createParser(request)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IllegalArgumentException("the request body is not a JSON object");
            }
            RequestMerge merge = new RequestMerge(preset, endpoint == Endpoint.CHAT, request);
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                merge.field(parser);
            }
            preset.fields(endpoint).forEach(merge::addUnlessPresent);
            merge.out.write(merge.present.isEmpty() ? "{}".getBytes(StandardCharsets.UTF_8) : new byte[] {'}'});
            return merge.out.toByteArray();
        } catch (IOException e) {
            throw new IllegalArgumentException("the request body is not well-formed JSON", e);
        }
    }

    private void field(JsonParser parser) throws IOException {
        String name = parser.currentName();
        int start = offset(parser.currentTokenLocation().getByteOffset());
        JsonToken token = parser.nextToken();
        if (token == JsonToken.VALUE_STRING
                && name.equals("preset")
                && preset.slug().equals(parser.getText())) {
            return;
        }
        if (token == JsonToken.VALUE_STRING
                && name.equals("model")
                && preset.slug().equals(ModelReference.slug(parser.getText()))) {
            String model = ModelReference.model(parser.getText());
            if (!model.isEmpty()) {
                addUnlessPresent(name, PresetFields.json(model));
            }
            return;
        }
        begin(name);
        if (chat && token == JsonToken.START_ARRAY && name.equals("messages") && preset.systemMessage() != null) {
            int first = offset(parser.currentLocation().getByteOffset());
            boolean empty = parser.nextToken() == JsonToken.END_ARRAY;
            if (!holdsInstructions(parser)) {
                out.write(request, start, first - start);
                out.writeBytes(preset.systemMessage());
                out.writeBytes(empty ? new byte[0] : new byte[] {','});
                start = first;
            }
        } else {
            parser.skipChildren();
            // A string is read lazily; only when it is read to its end does the location lie behind it.
            parser.finishToken();
        }
        out.write(request, start, offset(parser.currentLocation().getByteOffset()) - start);
    }

    /** Reads the rest of the messages, from the first one's token on, for one that tells the model how to behave. */
    private static boolean holdsInstructions(JsonParser parser) throws IOException {
        boolean found = false;
        for (; parser.currentToken() != JsonToken.END_ARRAY; parser.nextToken()) {
            if (parser.currentToken() != JsonToken.START_OBJECT) {
                parser.skipChildren();
                continue;
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                boolean role = parser.currentName().equals("role");
                if (parser.nextToken() == JsonToken.VALUE_STRING && role) {
                    found |= parser.getText().equals("system")
                            || parser.getText().equals("developer");
                }
                parser.skipChildren();
            }
        }
        return found;
    }

    private void addUnlessPresent(String name, byte[] value) {
        if (!present.contains(name)) {
            begin(name);
            out.writeBytes(PresetFields.json(name));
            out.write(':');
            out.writeBytes(value);
        }
    }

    private void begin(String name) {
        out.write(present.isEmpty() ? '{' : ',');
        present.add(name);
    }

    private static int offset(long byteOffset) {
        return Math.toIntExact(byteOffset);
    }
}
