package dev.refrain.engine.internal.template;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads one JSON object of an answer in a single pass. It finds the tokens that a replay replaces (wire rule W25), and
 * the fields for completeness (W16) and cost (W61). Reused for every event of a stream; a result is valid until the
 * next scan. Long, since one pass has to know all formats.
 */
final class AnswerScanner {
    private static final String NOT_JSON = "not JSON";
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH_BITS = 0x8080808080808080L;

    /** The replacement for a token. */
    enum Kind {
        ID,
        TIME,
        ZERO
    }

    /**
     * One token to be replaced.
     *
     * @param start offset of its first byte in the scanned array; for a string, of the byte after the opening quote
     * @param end offset after its last byte; for a string, of the closing quote
     * @param condition decides, with the document's type, whether the token is replaced
     */
    record Edit(Kind kind, int start, int end, Condition condition) {}

    /** The documents in which a token is replaced. */
    enum Condition {
        /** In every document. */
        ALWAYS,
        /** In documents of a type in which fields inside the wrapper are replaced. */
        WRAPPED,
        /** In documents of a type in which fields outside the wrapper are replaced. */
        BESIDE
    }

    /** The object that is being read. */
    private enum Place {
        /** The document. */
        TOP,
        /** The answer, inside the format's wrapper. */
        ANSWER,
        /** {@code delta} in an event of Messages. */
        DELTA,
        /** {@code incomplete_details}. */
        DETAILS,
        /** {@code x_groq}. */
        GROQ
    }

    /**
     * At most this many edits, far more than any real answer has. Without a limit, a malicious answer could put one
     * object on the heap for every two of its bytes.
     */
    private static final int MAX_EDITS = 50_000;

    /** A list that had more edits is not reused, because a stream's scanner lives as long as the stream. */
    private static final int KEPT_EDITS = 1024;

    /** Limit of ids, types and reasons, in bytes between the quotes. Longer ones are ignored. */
    private static final int MAX_TEXT = 512;

    private final AnswerParser.Factory json = AnswerParser.Factory.shared();
    private final AnswerFormat format;
    private final ZeroPaths zero;
    private List<Edit> edits = new ArrayList<>();
    private final AnswerFields fields = new AnswerFields();
    private int base;

    AnswerScanner(AnswerFormat format, ZeroPaths zero) {
        this.format = format;
        this.zero = zero;
    }

    /**
     * Scans the bytes from {@code from} to {@code to}.
     *
     * @return null if they are exactly one JSON object, apart from white space around it; else a short reason, and
     *     there is no result
     */
    String scan(byte[] bytes, int from, int to) {
        if (edits.size() > KEPT_EDITS) {
            edits = new ArrayList<>();
        }
        edits.clear();
        fields.clear();
        base = skipWhiteSpace(bytes, from, to);
        // A zero byte after the brace would make Jackson read UTF-16 or UTF-32.
        if (to - base < 2 || bytes[base] != '{' || bytes[base + 1] == 0 || hasForeignByte(bytes, base, to)) {
            return NOT_JSON;
        }
        try (AnswerParser parser = json.parser(bytes, base, to - base)) {
            parser.nextToken();
            readObject(parser, Place.TOP, zero.start());
            if (parser.nextToken() != null) {
                return NOT_JSON;
            }
        } catch (StreamConstraintsException e) {
            return "beyond what the JSON parser takes on";
        } catch (IOException | RuntimeException e) {
            // The provider has sent malformed JSON. A parser that fails on it with any exception must not break
            // the client's answer.
            return NOT_JSON;
        }
        edits.removeIf(edit -> edit.condition() != Condition.ALWAYS
                && !format.replaces(edit.condition() == Condition.WRAPPED, fields.type));
        return null;
    }

    /**
     * Whether there is a byte that UTF-8 never uses. Jackson pads short names with 0xFF, so it would accept a name that
     * ends with this byte.
     */
    private static boolean hasForeignByte(byte[] bytes, int from, int to) {
        int at = from;
        for (; at <= to - Long.BYTES; at += Long.BYTES) {
            long eight = (long) LONG.get(bytes, at);
            // Bytes from 0xF8 on have their five highest bits set. The shifts move these bits to the highest position;
            // bits of the byte below only reach lower positions, which the mask drops.
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

    /** The fields of the object. Valid until the next scan. */
    AnswerFields fields() {
        return fields;
    }

    /**
     * The offset of the first byte from {@code from} that is not JSON white space (RFC 8259, 2), {@code to} if
     * there is none.
     */
    static int skipWhiteSpace(byte[] bytes, int from, int to) {
        int at = from;
        while (at < to && (bytes[at] == ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t')) {
            at++;
        }
        return at;
    }

    // ---- relevant members; each of these methods leaves the parser at the last token of the value

    private void readObject(AnswerParser parser, Place place, long paths) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            long reached = zero.step(paths, name);
            switch (place) {
                case TOP -> readTop(parser, name, value, reached);
                case ANSWER -> readMember(parser, true, name, value, reached);
                case DELTA -> {
                    if (name.equals("stop_reason")) {
                        fields.stopReason = text(parser, value);
                    }
                    pass(parser, value, reached);
                }
                case DETAILS -> {
                    if (name.equals("reason")) {
                        fields.incompleteReason = text(parser, value);
                    }
                    pass(parser, value, reached);
                }
                case GROQ -> {
                    if (name.equals("usage")) {
                        readUsage(parser, value, fields.usage, zero.reached(reached), Condition.ALWAYS);
                    } else {
                        pass(parser, value, reached);
                    }
                }
            }
        }
    }

    private void readTop(AnswerParser parser, String name, JsonToken value, long paths) throws IOException {
        if (name.equals("error")) {
            fields.error |= value != JsonToken.VALUE_NULL;
        } else if (name.equals("type")) {
            fields.type = text(parser, value);
        } else if (name.equals("object")) {
            fields.object = text(parser, value);
        }
        if (format.isWrapper(name) && value == JsonToken.START_OBJECT) {
            readObject(parser, Place.ANSWER, paths | zero.start());
        } else if (name.equals("delta") && format == AnswerFormat.MESSAGES_EVENT && value == JsonToken.START_OBJECT) {
            readObject(parser, Place.DELTA, paths);
        } else {
            readMember(parser, false, name, value, paths);
        }
    }

    /** Reads a member of the document, or of the answer that it wraps. */
    private void readMember(AnswerParser parser, boolean wrapped, String name, JsonToken value, long paths)
            throws IOException {
        switch (format.role(wrapped, name)) {
            case ID -> {
                if (value == JsonToken.VALUE_STRING) {
                    fields.id = text(parser, value);
                    if (!zero.keepsIds()) {
                        add(parser, Kind.ID, wrapped ? Condition.WRAPPED : Condition.BESIDE);
                    }
                }
                pass(parser, value, paths);
            }
            case TIME -> {
                if (value.isNumeric()) {
                    add(parser, Kind.TIME, wrapped ? Condition.WRAPPED : Condition.BESIDE);
                }
                pass(parser, value, value.isNumeric() ? 0 : paths);
            }
            case USAGE ->
                readUsage(
                        parser,
                        value,
                        wrapped ? fields.wrappedUsage : fields.usage,
                        true,
                        zero.reached(paths) ? Condition.ALWAYS : wrapped ? Condition.WRAPPED : Condition.BESIDE);
            case STATUS -> {
                fields.status = text(parser, value);
                pass(parser, value, paths);
            }
            case STOP_REASON -> {
                fields.stopReason = text(parser, value);
                pass(parser, value, paths);
            }
            case ERROR -> {
                fields.error |= value != JsonToken.VALUE_NULL;
                pass(parser, value, paths);
            }
            case DETAILS -> readIfObject(parser, Place.DETAILS, value, paths);
            case GROQ -> readIfObject(parser, Place.GROQ, value, paths);
            case CHOICES -> readChoices(parser, value, paths);
            case ITEMS -> readItems(parser, value, paths);
            case NONE -> pass(parser, value, paths);
        }
    }

    private void readIfObject(AnswerParser parser, Place place, JsonToken value, long paths) throws IOException {
        if (value == JsonToken.START_OBJECT) {
            readObject(parser, place, paths);
        } else {
            pass(parser, value, paths);
        }
    }

    private void readChoices(AnswerParser parser, JsonToken list, long paths) throws IOException {
        if (list != JsonToken.START_ARRAY) {
            pass(parser, list, paths);
            return;
        }
        int place = 0;
        for (JsonToken item = parser.nextToken(); item != JsonToken.END_ARRAY; item = parser.nextToken()) {
            if (item == JsonToken.START_OBJECT) {
                readChoice(parser, place, paths);
            } else {
                fields.choices.add(new AnswerFields.Choice(place, null, false));
                pass(parser, item, paths);
            }
            place++;
            checkCount(fields.choices.size());
        }
    }

    private void readChoice(AnswerParser parser, int place, long paths) throws IOException {
        long index = place;
        String finishReason = null;
        boolean error = false;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            switch (name) {
                case "index" -> index = value == JsonToken.VALUE_NUMBER_INT ? wholeNumber(parser) : index;
                case "finish_reason" -> finishReason = text(parser, value);
                case "error" -> error |= value != JsonToken.VALUE_NULL;
                default -> {}
            }
            long reached = zero.step(paths, name);
            if (name.equals("usage")) {
                // Always replaced, because this usage cannot be a part of the model's text: that is in the
                // message or delta.
                readUsage(parser, value, fields.choiceUsage, true, Condition.ALWAYS);
            } else {
                pass(parser, value, reached);
            }
        }
        fields.choices.add(new AnswerFields.Choice(index, finishReason, error));
    }

    private void readItems(AnswerParser parser, JsonToken list, long paths) throws IOException {
        if (list != JsonToken.START_ARRAY) {
            pass(parser, list, paths);
            return;
        }
        for (JsonToken item = parser.nextToken(); item != JsonToken.END_ARRAY; item = parser.nextToken()) {
            fields.items++;
            pass(parser, item, paths);
        }
    }

    /**
     * Counts the numbers at the first level of a {@code usage}.
     *
     * @param zeroed whether its numbers, at any level, are replaced
     */
    private void readUsage(AnswerParser parser, JsonToken first, Usage usage, boolean zeroed, Condition condition)
            throws IOException {
        JsonToken token = first;
        int depth = 0;
        String member = null;
        while (true) {
            if (token == JsonToken.FIELD_NAME) {
                member = depth == 1 ? parser.currentName() : member;
            } else if (token.isStructStart()) {
                depth++;
            } else if (token.isStructEnd()) {
                depth--;
            } else if (token.isNumeric()) {
                if (depth == 1) {
                    count(parser, token, member, usage);
                } else if (depth == 2 && "cost".equals(member) && "total_cost".equals(parser.currentName())) {
                    // At Perplexity, the cost is an object.
                    usage.costNanos = Numbers.nanos(parser);
                }
                if (zeroed) {
                    add(parser, Kind.ZERO, condition);
                }
            }
            if (depth == 0) {
                return;
            }
            token = parser.nextToken();
        }
    }

    private static void count(AnswerParser parser, JsonToken token, String name, Usage usage) throws IOException {
        if (name == null) {
            return;
        }
        switch (name) {
            case "prompt_tokens", "input_tokens" -> usage.prompt = Numbers.count(parser, token, usage.prompt);
            case "completion_tokens", "output_tokens" ->
                usage.completion = Numbers.count(parser, token, usage.completion);
            case "total_tokens" -> usage.total = Numbers.count(parser, token, usage.total);
            case "cost" -> usage.costNanos = Numbers.nanos(parser);
            default -> {}
        }
    }

    // ---- all other members

    /** Skips a value, but collects the numbers in it that become zero. */
    private void pass(AnswerParser parser, JsonToken value, long paths) throws IOException {
        if (paths == 0) {
            parser.skipChildren();
        } else if (zero.reached(paths)) {
            zeroAll(parser, value);
        } else if (value == JsonToken.START_OBJECT) {
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                long reached = zero.step(paths, parser.currentName());
                pass(parser, parser.nextToken(), reached);
            }
        } else if (value == JsonToken.START_ARRAY) {
            for (JsonToken item = parser.nextToken(); item != JsonToken.END_ARRAY; item = parser.nextToken()) {
                if (item.isStructStart()) {
                    pass(parser, item, paths);
                }
            }
        }
    }

    private void zeroAll(AnswerParser parser, JsonToken first) throws IOException {
        JsonToken token = first;
        for (int depth = 0; ; token = parser.nextToken()) {
            if (token.isStructStart()) {
                depth++;
            } else if (token.isStructEnd()) {
                depth--;
            } else if (token.isNumeric()) {
                add(parser, Kind.ZERO, Condition.ALWAYS);
            }
            if (depth == 0) {
                return;
            }
        }
    }

    /** The value if it is a string of 1 to {@link #MAX_TEXT} bytes; else null. */
    private static String text(AnswerParser parser, JsonToken value) throws IOException {
        if (value != JsonToken.VALUE_STRING || parser.isLongerThan(MAX_TEXT)) {
            return null;
        }
        String text = parser.getText();
        return text.isEmpty() ? null : text;
    }

    /** The current whole number, or -1 if it is out of the range of a long. */
    private static long wholeNumber(AnswerParser parser) throws IOException {
        return parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER ? -1 : parser.getLongValue();
    }

    private static void checkCount(int count) throws StreamConstraintsException {
        if (count > MAX_EDITS) {
            throw new StreamConstraintsException("more than " + MAX_EDITS + " tokens to replace, or choices");
        }
    }

    private void add(AnswerParser parser, Kind kind, Condition condition) throws IOException {
        checkCount(edits.size() + 1);
        // The parser reads strings lazily. Only after this call is its current location the token's end.
        parser.passOver();
        int quote = kind == Kind.ID ? 1 : 0;
        int start = base + (int) parser.currentTokenLocation().getByteOffset() + quote;
        int end = base + (int) parser.currentLocation().getByteOffset() - quote;
        edits.add(new Edit(kind, start, end, condition));
    }
}
