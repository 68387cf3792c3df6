package dev.refrain.cassettes;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.Spelling;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.yaml.snakeyaml.LoaderOptions;

/**
 * The file of one recording, as text; docs/CASSETTES.md describes it. Stateless.
 *
 * <p>Long, since writer and reader belong together.
 */
final class RecordingFile {
    /** Version of the format; raised when an older reader would misunderstand a file. */
    static final int FORMAT = 1;

    /** Limit of each file of a recording, in bytes. The limits of requests and answers derive from this one. */
    static final int MOST_BYTES = 64 << 20;

    /** A text without spaces of at least this many characters, such as an image in Base64, gets a file of its own. */
    static final int LONG_TEXT = 4096;

    /** A text answer of at least this many bytes gets a file of its own, unless it is compact JSON or a stream. */
    private static final int LONG_ANSWER = 256 * 1024;

    /** Beginning of the reference that replaces a text which is in a file of its own; the text's SHA-256 follows. */
    private static final String ELSEWHERE = "$file:";

    private static final YAMLFactory YAML = YAMLFactory.builder()
            .loaderOptions(loaderOptions())
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxStringLength(MOST_BYTES).build())
            .build();

    private static final List<String> NAMES = List.of(
            "format",
            "recorded",
            "confirmed",
            "by",
            "endpoint",
            "model",
            "deployment",
            "query",
            "sample",
            "attempt",
            "fields",
            "files",
            "request",
            "status",
            "type",
            "answer-fields",
            "wait",
            "prompt-tokens",
            "completion-tokens",
            "tokens",
            "cost-nanos",
            "sha256",
            "line-end",
            "json",
            "text",
            "stream",
            "base64",
            "file");

    private RecordingFile() {}

    /** Stores large contents by their digests. */
    interface Contents {
        /** Stores bytes; returns their SHA-256 in hexadecimal. */
        String put(byte[] bytes) throws IOException;

        /** The stored bytes; throws if they are missing or damaged. */
        byte[] get(String sha256) throws IOException;
    }

    private static LoaderOptions loaderOptions() {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(MOST_BYTES);
        options.setMaxAliasesForCollections(0);
        return options;
    }

    // ---- writing

    static String write(Recording recording, Contents contents) throws IOException {
        RecordedRequest request = recording.request();
        YamlText yaml = new YamlText()
                .comment("One call to a provider, recorded by Refrain. docs/CASSETTES.md describes the format.")
                .number("format", FORMAT)
                .text("recorded", recording.recorded().toString());
        if (recording.confirmed() != null) {
            yaml.text("confirmed", recording.confirmed().toString());
        }
        yaml.text("by", recording.by()).text("endpoint", request.endpoint().id());
        optional(yaml, "model", request.model());
        optional(yaml, "deployment", request.deployment());
        optional(yaml, "query", request.query());
        if (request.sample() != RecordedRequest.NO_SAMPLE) {
            yaml.number("sample", request.sample());
        }
        if (recording.attempt() > 1) {
            yaml.number("attempt", recording.attempt());
        }
        if (!request.fields().isEmpty()) {
            yaml.list("fields", request.fields());
        }
        List<String> files = new ArrayList<>();
        String text = withoutLongTexts(request.text(), files, contents);
        if (!files.isEmpty()) {
            yaml.list("files", files);
        }
        yaml.block("request", JsonLayout.pretty(text));
        answer(yaml, recording.answer(), contents);
        return yaml.toString();
    }

    private static void optional(YamlText yaml, String name, String value) {
        if (!value.isEmpty()) {
            yaml.text(name, value);
        }
    }

    private static void optional(YamlText yaml, String name, long value) {
        if (value >= 0) {
            yaml.number(name, value);
        }
    }

    /** Moves long texts without spaces to files of their own, and leaves references. */
    private static String withoutLongTexts(String json, List<String> files, Contents contents) throws IOException {
        if (json.contains(ELSEWHERE)) {
            // The request itself contains the beginning of a reference, which a reader would take for one.
            return json;
        }
        StringBuilder out = new StringBuilder(Math.min(json.length(), 1 << 16));
        for (int i = 0; i < json.length(); i++) {
            char c = json.charAt(i);
            if (c != '"') {
                out.append(c);
                continue;
            }
            int end = JsonLayout.endOfString(json, i);
            String text = json.substring(i + 1, end - 1);
            if (text.length() >= LONG_TEXT && text.indexOf(' ') < 0) {
                String sha256 = contents.put(text.getBytes(StandardCharsets.UTF_8));
                files.add(sha256);
                out.append('"').append(ELSEWHERE).append(sha256).append('"');
            } else {
                out.append(json, i, end);
            }
            i = end - 1;
        }
        return out.toString();
    }

    private static void answer(YamlText yaml, RecordedAnswer answer, Contents contents) throws IOException {
        yaml.number("status", answer.status());
        if (answer.type() != null) {
            yaml.text("type", answer.type());
        }
        if (!answer.fields().isEmpty()) {
            yaml.list("answer-fields", answer.fields());
        }
        yaml.number("wait", answer.waitMillis());
        optional(yaml, "prompt-tokens", answer.facts().promptTokens());
        optional(yaml, "completion-tokens", answer.facts().completionTokens());
        optional(yaml, "tokens", answer.facts().tokens());
        optional(yaml, "cost-nanos", answer.facts().costNanos());
        byte[] body = answer.body();
        yaml.text("sha256", sha256(body));
        if (!answer.events().isEmpty()) {
            if (EventText.lineEnd(body).equals("\r\n")) {
                yaml.text("line-end", "CRLF");
            }
            yaml.block("stream", EventText.write(body, answer.events()));
            return;
        }
        String text = utf8(body);
        String pretty = text == null ? null : prettyIfCompact(text);
        if (pretty != null) {
            yaml.block("json", pretty);
        } else if (text != null && body.length < LONG_ANSWER) {
            yaml.block("text", text);
        } else {
            yaml.text("file", contents.put(body));
        }
    }

    /** The JSON in lines; null if white space would be lost. */
    private static String prettyIfCompact(String text) {
        try {
            if (!RecordedRequest.JSON.readTree(text).isContainerNode()) {
                return null;
            }
        } catch (JsonProcessingException e) {
            return null;
        }
        String pretty = JsonLayout.pretty(text);
        return JsonLayout.compact(pretty).equals(text) && YamlText.isPlain(pretty) ? pretty : null;
    }

    /** The body as text; null if it is not UTF-8. */
    private static String utf8(byte[] body) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(body))
                    .toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    static String sha256(byte[] bytes) {
        return HexFormat.of().formatHex(RecordedRequest.sha256().digest(bytes));
    }

    // ---- reading

    /** @param line of the file on which the value begins, from 1 */
    private record Value(String text, List<String> list, int line) {}

    /**
     * Reads a recording.
     *
     * @param file the file of the text, for messages
     * @throws DamagedRecordingException if the text is no recording
     */
    static Recording read(Path file, String text, Contents contents) throws IOException {
        return new Reading(file, values(file, text), contents).recording();
    }

    private static Map<String, Value> values(Path file, String text) throws IOException {
        Map<String, Value> values = new LinkedHashMap<>();
        try (JsonParser parser = YAML.createParser(text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new DamagedRecordingException(
                        file, 1, "not a recording: it must be a mapping of names to values");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                int line = parser.currentTokenLocation().getLineNr();
                if (!NAMES.contains(name)) {
                    throw new DamagedRecordingException(
                            file,
                            line,
                            "a recording has no member " + name
                                    + Spelling.meant(name, NAMES)
                                            .map(meant -> "; did you mean " + meant + "?")
                                            .orElse(""));
                }
                if (values.put(name, value(file, name, parser, line)) != null) {
                    throw new DamagedRecordingException(file, line, name + " comes twice; remove one");
                }
            }
            if (parser.nextToken() != null) {
                throw new DamagedRecordingException(file, 0, "it has more than one document");
            }
        } catch (JsonProcessingException e) {
            JsonLocation at = e.getLocation();
            throw new DamagedRecordingException(
                    file, at == null ? 0 : at.getLineNr(), "not YAML: " + firstLine(e.getOriginalMessage()));
        }
        return values;
    }

    private static String firstLine(String message) {
        return message == null
                ? ""
                : message.lines()
                        .map(String::strip)
                        .limit(2)
                        .reduce((a, b) -> a + ", " + b)
                        .orElse("");
    }

    private static Value value(Path file, String name, JsonParser parser, int line) throws IOException {
        JsonToken token = parser.nextToken();
        if (token.isScalarValue()) {
            return new Value(parser.getText(), List.of(), line);
        }
        List<String> list = new ArrayList<>();
        if (token == JsonToken.START_ARRAY) {
            token = parser.nextToken();
            while (token.isScalarValue()) {
                list.add(parser.getText());
                token = parser.nextToken();
            }
            if (token == JsonToken.END_ARRAY) {
                return new Value(null, list, line);
            }
        }
        throw new DamagedRecordingException(file, line, name + " must be a text, a number or a list of texts");
    }

    /** The parser of one file. */
    private static final class Reading {
        private final Path file;
        private final Map<String, Value> values;
        private final Contents contents;

        Reading(Path file, Map<String, Value> values, Contents contents) {
            this.file = file;
            this.values = values;
            this.contents = contents;
        }

        Recording recording() throws IOException {
            long format = number("format", -1);
            if (format != FORMAT) {
                throw flaw("format", "this Refrain reads format " + FORMAT + " and not " + format);
            }
            Instant confirmed = values.containsKey("confirmed") ? instant("confirmed") : null;
            return new Recording(
                    request(),
                    (int) number("attempt", 1),
                    answer(),
                    instant("recorded"),
                    confirmed,
                    text("by", "unknown"));
        }

        private RecordedRequest request() throws IOException {
            Endpoint endpoint = Stream.of(Endpoint.values())
                    .filter(each -> each.id().equals(text("endpoint", "")))
                    .findFirst()
                    .orElseThrow(() -> flaw("endpoint", "must be one of chat, responses, messages and embeddings"));
            String json = required("request");
            for (String sha256 : list("files")) {
                String place = ELSEWHERE + sha256;
                String content = content("files", sha256);
                long places = json.split(Pattern.quote(place), -1).length - 1L;
                if (json.length() + places * content.length() > MOST_BYTES) {
                    throw flaw("files", "the request is over " + MOST_BYTES + " bytes");
                }
                json = json.replace(place, content);
            }
            JsonNode body;
            try {
                body = RecordedRequest.JSON.readTree(json);
            } catch (JsonProcessingException e) {
                JsonLocation at = e.getLocation();
                throw new DamagedRecordingException(
                        file,
                        values.get("request").line() + (at == null ? 0 : at.getLineNr()),
                        "the request is not JSON: " + firstLine(e.getOriginalMessage()));
            }
            if (!(body instanceof ObjectNode object)) {
                throw flaw("request", "must be a JSON object");
            }
            return new RecordedRequest(
                    endpoint,
                    text("model", ""),
                    text("deployment", ""),
                    text("query", ""),
                    list("fields"),
                    (int) number("sample", RecordedRequest.NO_SAMPLE),
                    object);
        }

        private RecordedAnswer answer() throws IOException {
            List<String> forms = Stream.of("json", "text", "stream", "base64", "file")
                    .filter(values::containsKey)
                    .toList();
            if (forms.size() != 1) {
                throw new DamagedRecordingException(
                        file,
                        0,
                        "an answer must be exactly one of json, text, stream, base64 and file; this has " + forms);
            }
            String form = forms.get(0);
            String text = required(form);
            byte[] body;
            List<RecordedAnswer.Event> events = List.of();
            switch (form) {
                case "json" -> body = JsonLayout.compact(text).getBytes(StandardCharsets.UTF_8);
                case "text" -> body = text.getBytes(StandardCharsets.UTF_8);
                case "file" -> body = bytes("file", text);
                case "base64" -> body = base64(text);
                default -> {
                    EventText.Stream stream = stream(text);
                    body = stream.body();
                    events = stream.events();
                }
            }
            String sha256 = text("sha256", null);
            if (sha256 != null && !sha256.equals(sha256(body))) {
                throw flaw(
                        form,
                        "the answer was changed: its SHA-256 is not " + sha256
                                + ". Record it anew, or remove the line sha256 to play it as it is");
            }
            long status = number("status", -1);
            if (status < 200 || status > 599) {
                throw flaw("status", "must be an HTTP status from 200 to 599");
            }
            return new RecordedAnswer(
                    (int) status,
                    text("type", null),
                    fields(),
                    number("wait", 0),
                    body,
                    events,
                    new AnswerFacts(
                            null,
                            number("prompt-tokens", AnswerFacts.UNKNOWN),
                            number("completion-tokens", AnswerFacts.UNKNOWN),
                            number("tokens", AnswerFacts.UNKNOWN),
                            number("cost-nanos", AnswerFacts.UNKNOWN),
                            null));
        }

        private List<String> fields() throws DamagedRecordingException {
            for (String line : list("answer-fields")) {
                if (!line.matches("[A-Za-z0-9-]+: [\\x20-\\x7E]*")) {
                    throw flaw("answer-fields", "each line must be a name, a colon, a space and a value");
                }
            }
            return list("answer-fields");
        }

        private EventText.Stream stream(String text) throws DamagedRecordingException {
            try {
                return EventText.read(text, text("line-end", "LF").equals("CRLF") ? "\r\n" : "\n");
            } catch (EventText.FlawException e) {
                throw new DamagedRecordingException(file, values.get("stream").line() + 1 + e.line, e.getMessage());
            }
        }

        private byte[] base64(String text) throws DamagedRecordingException {
            try {
                return Base64.getMimeDecoder().decode(text);
            } catch (IllegalArgumentException e) {
                throw flaw("base64", "must be Base64");
            }
        }

        private String content(String name, String sha256) throws IOException {
            return new String(bytes(name, sha256), StandardCharsets.UTF_8);
        }

        private byte[] bytes(String name, String sha256) throws IOException {
            if (!sha256.matches("[0-9a-f]{64}")) {
                throw flaw(name, "must name a SHA-256 of 64 hexadecimal digits");
            }
            try {
                return contents.get(sha256);
            } catch (DamagedRecordingException e) {
                throw e;
            } catch (IOException e) {
                throw flaw(name, "the content " + sha256 + " cannot be read: " + e.getMessage());
            }
        }

        private String required(String name) throws DamagedRecordingException {
            String text = text(name, null);
            if (text == null) {
                throw flaw(name, "is missing");
            }
            return text;
        }

        private String text(String name, String byDefault) {
            Value value = values.get(name);
            return value == null || value.text() == null ? byDefault : value.text();
        }

        private List<String> list(String name) {
            Value value = values.get(name);
            return value == null ? List.of() : List.copyOf(value.list());
        }

        private long number(String name, long byDefault) throws DamagedRecordingException {
            String text = text(name, null);
            if (text == null) {
                return byDefault;
            }
            if (!text.matches("[0-9]{1,15}")) {
                throw flaw(name, "must be a number");
            }
            return Long.parseLong(text);
        }

        private Instant instant(String name) throws DamagedRecordingException {
            try {
                return Instant.parse(required(name));
            } catch (DateTimeParseException e) {
                throw flaw(name, "must be a time such as 2026-11-29T23:30:00Z");
            }
        }

        private DamagedRecordingException flaw(String name, String flaw) {
            Value value = values.get(name);
            return new DamagedRecordingException(file, value == null ? 0 : value.line(), name + ": " + flaw);
        }
    }
}
