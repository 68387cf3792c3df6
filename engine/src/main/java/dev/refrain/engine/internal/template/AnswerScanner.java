package dev.refrain.engine.internal.template;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.IOContext;
import com.fasterxml.jackson.core.json.UTF8StreamJsonParser;
import com.fasterxml.jackson.core.sym.ByteQuadsCanonicalizer;
import dev.refrain.engine.internal.JsonStrings;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads one JSON object of an answer in one pass and says which of its tokens a replay replaces and what wire rule W16 needs to
 * know of it. Reused for every event of a stream; the result stands until the next scan.
 */
final class AnswerScanner {
    private static final String NOT_JSON = "not JSON";
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH_BITS = 0x8080808080808080L;

    /** What stands in place of a token, and for a zeroed one which count it was. */
    enum Kind {
        ID,
        TIME,
        ZERO,
        INPUT_TOKENS,
        OUTPUT_TOKENS,
        TOTAL_TOKENS
    }

    /**
     * One token to be replaced.
     *
     * @param start offset of its first byte in the scanned array, for a string the one after the quote
     * @param end offset after its last byte, for a string that of the closing quote
     * @param wrapped whether it stands in the format's wrapper
     * @param count the number that a {@code *_TOKENS} stood for
     */
    record Edit(Kind kind, int start, int end, boolean wrapped, long count) {}

    /** Far over what any answer has, so that an absurd one cannot turn every two of its bytes into an object on the heap. */
    private static final int MAX_EDITS = 50_000;

    /**
     * Jackson looks for UTF-16 and UTF-32 only in the first four bytes, and its reader-based parser for those and for a factory
     * that does not canonicalise names knows no byte offsets; so names are canonicalised, but not interned. Answers share the table of
     * names, as to make it anew takes as long as compressing an answer. Clients can fill it with names of their own (a tool's
     * schema is echoed in a Responses answer), so it goes when it holds more names than all formats have.
     */
    private static final class Json extends JsonFactory {
        private static final int MAX_NAMES = 500;
        private static final long serialVersionUID = 1;

        private static volatile Json shared = new Json();

        private Json() {
            super(new JsonFactoryBuilder()
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(Integer.MAX_VALUE)
                            .maxNumberLength(Integer.MAX_VALUE)
                            .build()));
        }

        static Json shared() {
            Json json = shared;
            if (json._byteSymbolCanonicalizer.size() > MAX_NAMES) {
                json = new Json();
                shared = json;
            }
            return json;
        }

        /** Without asking which encoding it is, which is known when it comes to this. */
        @Override
        protected JsonParser _createParser(byte[] data, int offset, int length, IOContext context) {
            return new Parser(
                    context,
                    _parserFeatures,
                    _byteSymbolCanonicalizer.makeChild(_factoryFeatures),
                    data,
                    offset,
                    length);
        }
    }

    /** Jackson passes over a string byte by byte. Here it does that only from the first byte on that takes more than passing over. */
    private static final class Parser extends UTF8StreamJsonParser {
        Parser(IOContext context, int features, ByteQuadsCanonicalizer names, byte[] data, int offset, int length) {
            super(context, features, null, null, names, data, offset, offset + length, 0, false);
        }

        @Override
        protected void _skipString() throws IOException {
            int at = JsonStrings.skipPlain(_inputBuffer, _inputPtr, _inputEnd);
            while (at < _inputEnd - 1 && _inputBuffer[at] == '\\' && JsonStrings.isShortEscape(_inputBuffer[at + 1])) {
                at = JsonStrings.skipPlain(_inputBuffer, at + 2, _inputEnd);
            }
            _inputPtr = at;
            super._skipString();
        }
    }

    private final JsonFactory json = Json.shared();
    private final AnswerFormat format;
    private final List<Edit> edits = new ArrayList<>();
    private int base;
    private boolean error;
    private String type;
    private String status;
    private String id;

    AnswerScanner(AnswerFormat format) {
        this.format = format;
    }

    /**
     * Scans the bytes from {@code from} to {@code to}.
     *
     * @return null if they are exactly one JSON object, white space around it aside; else what they are, in a few words, and there
     *     is no result
     */
    String scan(byte[] bytes, int from, int to) {
        edits.clear();
        error = false;
        type = null;
        status = null;
        id = null;
        base = skipWhiteSpace(bytes, from, to);
        // A zero byte after the brace is what Jackson would take for UTF-16 or UTF-32.
        if (to - base < 2 || bytes[base] != '{' || bytes[base + 1] == 0 || hasForeignByte(bytes, base, to)) {
            return NOT_JSON;
        }
        try (JsonParser parser = json.createParser(bytes, base, to - base)) {
            parser.nextToken();
            readObject(parser, false);
            if (parser.nextToken() != null) {
                return NOT_JSON;
            }
        } catch (StreamConstraintsException e) {
            return "beyond what the JSON parser takes on";
        } catch (IOException | RuntimeException e) {
            // Malformed input is the provider's doing. A parser that breaks on it must not break the client's answer
            // either.
            return NOT_JSON;
        }
        edits.removeIf(edit -> !format.replaces(edit.wrapped(), type));
        return null;
    }

    /** Whether there is a byte that UTF-8 has no use for. Jackson pads short names with 0xFF, so that one more goes unseen. */
    private static boolean hasForeignByte(byte[] bytes, int from, int to) {
        int at = from;
        for (; at <= to - Long.BYTES; at += Long.BYTES) {
            long eight = (long) LONG.get(bytes, at);
            // Those from 0xF8 on have their five highest bits set; shifted into a byte from the one below come only
            // lower bits.
            if ((eight & HIGH_BITS) != 0
                    && (eight & eight << 1 & eight << 2 & eight << 3 & eight << 4 & HIGH_BITS) != 0) {
                return true;
            }
        }
        for (; at < to; at++) {
            if (bytes[at] < 0 && bytes[at] >= (byte) 0xF8) {
                return true;
            }
        }
        return false;
    }

    /** The tokens to be replaced, in ascending order. Valid until the next scan. */
    List<Edit> edits() {
        return edits;
    }

    /** Whether there is a top-level {@code error} that is not null. */
    boolean hasError() {
        return error;
    }

    /** The top-level {@code type}, or null if there is none. */
    String type() {
        return type;
    }

    /** The top-level {@code status}, or null if there is none. */
    String status() {
        return status;
    }

    /** The answer's id, or null if there is none. */
    String id() {
        return id;
    }

    /** The offset of the first byte from {@code from} that is not JSON white space (RFC 8259, 2), {@code to} if there is none. */
    static int skipWhiteSpace(byte[] bytes, int from, int to) {
        int at = from;
        while (at < to && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) {
            at++;
        }
        return at;
    }

    private void readObject(JsonParser parser, boolean wrapped) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (!wrapped) {
                readEnvelope(parser, name, value);
                if (format.isWrapper(name) && value == JsonToken.START_OBJECT) {
                    readObject(parser, true);
                    continue;
                }
            }
            switch (format.role(wrapped, name)) {
                case ID -> {
                    if (value == JsonToken.VALUE_STRING) {
                        id = parser.getText();
                        add(parser, Kind.ID, wrapped);
                    }
                }
                case TIME -> {
                    if (value.isNumeric()) {
                        add(parser, Kind.TIME, wrapped);
                    }
                }
                case USAGE -> readUsage(parser, value, wrapped);
                case NONE -> {}
            }
            parser.skipChildren();
        }
    }

    private void readEnvelope(JsonParser parser, String name, JsonToken value) throws IOException {
        if (name.equals("error")) {
            error |= value != JsonToken.VALUE_NULL;
        } else if (name.equals("type")) {
            type = value == JsonToken.VALUE_STRING ? parser.getText() : null;
        } else if (name.equals("status")) {
            status = value == JsonToken.VALUE_STRING ? parser.getText() : null;
        }
    }

    /** Leaves the parser at the last token of the value. */
    private void readUsage(JsonParser parser, JsonToken first, boolean wrapped) throws IOException {
        JsonToken token = first;
        int depth = 0;
        while (true) {
            if (token.isStructStart()) {
                depth++;
            } else if (token.isStructEnd()) {
                depth--;
            } else if (token.isNumeric()) {
                add(parser, depth == 1 ? counter(parser.currentName()) : Kind.ZERO, wrapped);
            }
            if (depth == 0) {
                return;
            }
            token = parser.nextToken();
        }
    }

    private static Kind counter(String name) {
        if (name == null) {
            return Kind.ZERO;
        }
        return switch (name) {
            case "prompt_tokens", "input_tokens" -> Kind.INPUT_TOKENS;
            case "completion_tokens", "output_tokens" -> Kind.OUTPUT_TOKENS;
            case "total_tokens" -> Kind.TOTAL_TOKENS;
            default -> Kind.ZERO;
        };
    }

    private void add(JsonParser parser, Kind kind, boolean wrapped) throws IOException {
        if (edits.size() == MAX_EDITS) {
            throw new StreamConstraintsException("more than " + MAX_EDITS + " tokens to replace");
        }
        // Strings are read lazily; only after this is the current location the token's end.
        parser.finishToken();
        int quote = kind == Kind.ID ? 1 : 0;
        int start = base + (int) parser.currentTokenLocation().getByteOffset() + quote;
        int end = base + (int) parser.currentLocation().getByteOffset() - quote;
        boolean counted = kind.compareTo(Kind.ZERO) > 0;
        edits.add(new Edit(kind, start, end, wrapped, counted ? count(parser) : 0));
    }

    /** The current number if it is one that a count can be, else 0. */
    private static long count(JsonParser parser) throws IOException {
        if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
            return 0;
        }
        return switch (parser.getNumberType()) {
            case INT, LONG -> Math.max(0, parser.getLongValue());
            default -> 0;
        };
    }
}
