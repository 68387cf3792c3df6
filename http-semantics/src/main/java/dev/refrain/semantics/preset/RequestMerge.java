package dev.refrain.semantics.preset;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.IOContext;
import com.fasterxml.jackson.core.json.UTF8StreamJsonParser;
import com.fasterxml.jackson.core.sym.ByteQuadsCanonicalizer;
import dev.refrain.engine.exchange.Endpoint;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Adds to one request those fields of a preset that the request lacks.
 *
 * <p>It copies slices of the request instead of parsing it into a tree and writing that back. So numbers, escapes, lone
 * surrogates and white space stay as they were sent, and a long prompt is neither decoded nor encoded.
 */
final class RequestMerge {
    /**
     * A factory for one body. Numbers and strings need no limit: the body's size is limited before, and they are
     * skipped without conversion. A factory keeps a table of all names that it has read. Clients choose the names, so
     * each body has a factory of its own, and the table is bounded in bytes.
     */
    private static final class Json extends JsonFactory {
        private static final long serialVersionUID = 1;

        Json() {
            super(new JsonFactoryBuilder()
                    .disable(Feature.INTERN_FIELD_NAMES)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(Integer.MAX_VALUE)
                            .maxNumberLength(Integer.MAX_VALUE)
                            .build()));
        }

        @Override
        protected JsonParser _createParser(byte[] data, int offset, int length, IOContext context) {
            return new Parser(
                    context,
                    _parserFeatures,
                    _byteSymbolCanonicalizer.makeChild(_factoryFeatures),
                    data,
                    offset,
                    offset + length);
        }
    }

    /** Gives up when the distinct names of a body take too much heap. */
    private static final class Parser extends UTF8StreamJsonParser {
        /** Limit of the heap that distinct names take, in bytes; some 15,000 short names fit. */
        private static final int MAX_NAMES = 1 << 20;
        /** Heap of a name beside its characters, in bytes. */
        private static final int NAME_BYTES = 64;

        private int seen;
        private int bytes;

        Parser(IOContext context, int features, ByteQuadsCanonicalizer names, byte[] data, int from, int to) {
            super(context, features, null, null, names, data, from, to, 0, false);
        }

        @Override
        public JsonToken nextToken() throws IOException {
            JsonToken token = super.nextToken();
            if (token == JsonToken.FIELD_NAME && _symbols.size() > seen) {
                seen = _symbols.size();
                bytes += NAME_BYTES + currentName().length();
                if (bytes > MAX_NAMES) {
                    throw new StreamConstraintsException("names of more than " + MAX_NAMES + " bytes");
                }
            }
            return token;
        }
    }

    private final PresetFields preset;
    private final boolean chat;
    private final byte[] request;
    private final ByteArrayOutputStream out;
    private final Map<String, byte[]> added;
    /** The preset's fields that the request has. Other fields are not kept, since a client may send very many. */
    private final Set<String> present = new HashSet<>();

    private boolean isEmpty = true;

    private RequestMerge(PresetFields preset, Endpoint endpoint, byte[] request) {
        this.preset = preset;
        this.added = preset.fields(endpoint);
        this.chat = endpoint == Endpoint.CHAT;
        this.request = request;
        this.out = new ByteArrayOutputStream(request.length + preset.size());
    }

    /** @throws IllegalArgumentException if the request is not one JSON object */
    static byte[] merge(PresetFields preset, Endpoint endpoint, byte[] request) {
        try (JsonParser parser = new Json().createParser(request)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IllegalArgumentException("the request body is not a JSON object");
            }
            RequestMerge merge = new RequestMerge(preset, endpoint, request);
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                merge.field(parser);
            }
            merge.added.forEach(merge::addUnlessPresent);
            merge.out.write(merge.isEmpty ? "{}".getBytes(StandardCharsets.UTF_8) : new byte[] {'}'});
            return merge.out.toByteArray();
        } catch (IOException e) {
            throw new IllegalArgumentException("the request body is malformed JSON, or nested too deeply", e);
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
            // The parser reads a string lazily. Its location is after the string only when the string has been read.
            parser.finishToken();
        }
        out.write(request, start, offset(parser.currentLocation().getByteOffset()) - start);
    }

    /** Reads the messages, from the token of the first one on. Returns whether one has the role system or developer. */
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
        out.write(isEmpty ? '{' : ',');
        isEmpty = false;
        if (added.containsKey(name)) {
            present.add(name);
        }
    }

    private static int offset(long byteOffset) {
        return Math.toIntExact(byteOffset);
    }
}
