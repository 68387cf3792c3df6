package dev.refrain.engine.internal.request;

import static dev.refrain.engine.internal.request.JsonGrammar.spells;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The top-level fields of a request body that decide how it is cached (wire rules W10 to W13). {@link RequestScan}
 * records where they are; they are decoded from there on demand. Valid as long as the scan; not thread-safe.
 */
public final class TopLevelFields {
    private static final int ABSENT = -1;

    /**
     * Limit of the names of models and presets, in bytes as spelt. Real names are shorter; of longer ones only the
     * beginning is decoded.
     */
    private static final int MAX_NAME = 1024;

    private static final int SHOWN_NAME = 256;

    /** At most this many names in {@code models}; no provider takes more. */
    private static final int MAX_MODELS = 64;

    private static final List<String> ANY_MODEL = List.of("*");

    /** Decodes strings with escapes. Their length needs no limit here, because it is bounded by the body's. */
    private static final JsonFactory STRINGS = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private byte[] bytes;
    private int offset;
    private int end;

    // Index of the opening quote of a top-level string in the scanned array, and the index after its closing quote.
    private int modelStart = ABSENT;
    private int modelEnd;
    private int presetStart = ABSENT;
    private int presetEnd;
    /** Index of the value of {@code models}, which may be of any type. */
    private int modelsStart = ABSENT;

    private boolean stream;
    private boolean background;
    private boolean conversation;
    private int previousStart = ABSENT;
    private int previousEnd;
    /** Index of the opening brace of {@code thread}. */
    private int threadStart = ABSENT;

    TopLevelFields() {}

    /** Begins another body, whose fields are not known yet. */
    void begin(byte[] body, int from, int to) {
        bytes = body;
        offset = from;
        end = to;
    }

    /** Drops the reference to the body. */
    void release() {
        bytes = null;
    }

    /** Makes all fields absent. */
    void forget() {
        modelStart = ABSENT;
        modelsStart = ABSENT;
        presetStart = ABSENT;
        stream = false;
        background = false;
        conversation = false;
        previousStart = ABSENT;
        threadStart = ABSENT;
    }

    /** Records a top-level field. A later field of the same name replaces it, whatever its type, as in Jackson. */
    void field(int nameStart, int nameEnd, int valueStart, int valueEnd) {
        byte first = bytes[valueStart];
        int from = nameStart + 1;
        int to = nameEnd - 1;
        switch (bytes[from]) {
            case 'm', 's', 'p', 'b', 'c', 't', '\\' -> {}
            default -> {
                return;
            }
        }
        if (spells("model", bytes, from, to)) {
            modelStart = first == '"' ? valueStart : ABSENT;
            modelEnd = valueEnd;
        } else if (spells("models", bytes, from, to)) {
            modelsStart = valueStart;
        } else if (spells("stream", bytes, from, to)) {
            stream = first == 't';
        } else if (spells("preset", bytes, from, to)) {
            presetStart = first == '"' ? valueStart : ABSENT;
            presetEnd = valueEnd;
        } else if (spells("background", bytes, from, to)) {
            background = first == 't';
        } else if (spells("previous_response_id", bytes, from, to)) {
            previousStart = first == '"' ? valueStart : ABSENT;
            previousEnd = valueEnd;
        } else if (spells("conversation", bytes, from, to)) {
            conversation = first != 'n';
        } else if (spells("thread", bytes, from, to)) {
            threadStart = first == '{' ? valueStart : ABSENT;
        }
    }

    /**
     * The value of {@code model} if that is a string, else null. A name longer than any real one is cut. Decoded
     * at each call.
     */
    public String model() {
        return decode(modelStart, modelEnd);
    }

    /**
     * The strings in the list {@code models}, which OpenRouter tries in order; empty if the field is missing or null.
     * The result is {@code *} alone, for any model, in three cases: the value is not a list of strings, it has more
     * than {@link #MAX_MODELS} elements, or a name is longer than any real one. Decoded at each call.
     */
    public List<String> models() {
        if (modelsStart == ABSENT || bytes[modelsStart] == 'n') {
            return List.of();
        }
        List<String> models = new ArrayList<>(4);
        try (JsonParser parser = STRINGS.createParser(bytes, modelsStart, end - modelsStart)) {
            if (parser.nextToken() != JsonToken.START_ARRAY) {
                return ANY_MODEL;
            }
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                // The loop ends at the beginning of an object, because the factory would keep the names in the object.
                if (parser.currentToken() != JsonToken.VALUE_STRING
                        || models.size() == MAX_MODELS
                        || parser.getTextLength() > MAX_NAME) {
                    return ANY_MODEL;
                }
                models.add(parser.getText());
            }
            return models;
        } catch (IOException e) {
            return ANY_MODEL;
        }
    }

    /** The {@link #tag} of the model, or 0 if there is none. Decodes nothing unless the name has escapes. */
    public long modelTag() {
        if (modelStart == ABSENT) {
            return 0;
        }
        if (modelEnd - modelStart > MAX_NAME) {
            return tag(bytes, modelStart + 1, modelEnd - 1);
        }
        for (int i = modelStart + 1; i < modelEnd - 1; i++) {
            if (bytes[i] == '\\') {
                return tag(model());
            }
        }
        return tag(bytes, modelStart + 1, modelEnd - 1);
    }

    /** A 64-bit hash of a name (FNV-1a). A collision only makes two models be purged together. */
    public static long tag(String name) {
        byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
        return tag(utf8, 0, utf8.length);
    }

    private static long tag(byte[] name, int from, int to) {
        long hash = 0xCBF29CE484222325L;
        for (int i = from; i < to; i++) {
            hash = (hash ^ (name[i] & 0xFF)) * 0x100000001B3L;
        }
        return hash;
    }

    /** The value of {@code preset} if that is a string, else null. Cut like {@link #model}. */
    public String preset() {
        return decode(presetStart, presetEnd);
    }

    /** Whether {@code stream} is {@code true}. */
    public boolean stream() {
        return stream;
    }

    /** Whether {@code background} is {@code true}. */
    public boolean background() {
        return background;
    }

    /** Whether there is a {@code conversation} other than {@code null}. */
    public boolean conversation() {
        return conversation;
    }

    /** The value of {@code previous_response_id} if that is a string, else null. */
    PreviousId previousResponse() {
        return previousStart == ABSENT
                ? null
                : PreviousId.ofString(
                        bytes, offset, end, previousStart, previousEnd, decode(previousStart, previousEnd));
    }

    /**
     * The string {@code previous_message_id} in the object {@code thread}; null if either is missing or
     * of another type.
     */
    PreviousId thread() {
        return threadStart == ABSENT ? null : PreviousId.inThread(bytes, offset, end, threadStart);
    }

    private String decode(int start, int stringEnd) {
        if (start == ABSENT) {
            return null;
        }
        if (stringEnd - start > MAX_NAME) {
            return new String(bytes, start + 1, SHOWN_NAME, StandardCharsets.UTF_8) + "...";
        }
        String raw = Names.of(bytes, start + 1, stringEnd - 1);
        if (raw.indexOf('\\') < 0) {
            return raw;
        }
        try (JsonParser parser = STRINGS.createParser(bytes, start, stringEnd - start)) {
            parser.nextToken();
            return parser.getText();
        } catch (IOException e) {
            throw new UncheckedIOException("The array was changed after it was scanned", e);
        }
    }
}
