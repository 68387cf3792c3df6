package dev.refrain.cassettes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Recordings are read back byte for byte. An edit that damages a file is reported with its line. */
class RecordingFileTest {
    private static final Instant TIME = Instant.parse("2026-11-29T23:30:00Z");
    private static final String PROMPT = "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

    @TempDir
    Path folder;

    static RecordedRequest request(String body) throws IOException {
        ObjectNode node = (ObjectNode) RecordedRequest.JSON.readTree(body);
        return new RecordedRequest(
                Endpoint.CHAT, node.path("model").asText(""), "", "", List.of(), RecordedRequest.NO_SAMPLE, node);
    }

    static RecordedAnswer answer(String type, byte[] body) {
        List<RecordedAnswer.Event> events = type.startsWith("text/event-stream") && body.length > 0
                ? EventText.split(body, List.of(body.length / 2, body.length), List.of(3L, 40L))
                : List.of();
        return new RecordedAnswer(200, type, List.of("request-id: r-1"), 12, body, events, AnswerFacts.NONE);
    }

    private static Recording recording(RecordedRequest request, RecordedAnswer answer) {
        return new Recording(request, 1, answer, TIME, null, "refrain test");
    }

    private Folder open() throws IOException {
        return Folder.open(folder, Map.of());
    }

    private Recording written(Recording recording) throws IOException {
        return open().load(open().save(recording).file());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "\n",
                "\n\n",
                " ",
                "\r\n",
                "plain",
                "no end\nof line",
                "end\n",
                "  indented\n\n\nlines  \n\n",
                "{\"a\":1}",
                "{ \"a\" : [1, 2.50, {}] }",
                "{\"a\":[],\"b\":{},\"c\":[1,2.50,1e3],\"d\":[{\"e\":\"x, y: {z}\"}]}",
                "{\n  \"pretty\": true\n}\n",
                "\u0085 \u2028 \uFEFF \u0007 \uD83D\uDE00 \u00e4 \t \\ \" ' # - : |",
                "---\n...\n%YAML",
                "null",
                "data: x\n\n"
            })
    void anAnswerComesBackByteForByte(String body) throws IOException {
        for (String type : List.of("application/json", "text/event-stream")) {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            Recording read = written(recording(request(PROMPT), answer(type, bytes)));
            assertThat(read.answer().body()).isEqualTo(bytes);
            assertThat(read.answer().type()).isEqualTo(type);
            assertThat(read.answer().waitMillis()).isEqualTo(12);
            assertThat(read.answer().fields()).containsExactly("request-id: r-1");
            assertThat(read.recorded()).isEqualTo(TIME);
        }
    }

    @Provide
    Arbitrary<String> texts() {
        Arbitrary<String> pieces = Arbitraries.of(
                "data: ",
                "event: x",
                "\n",
                "\n\n",
                "\r\n",
                "\r",
                " ",
                "  ",
                "\t",
                "+1 ",
                "=",
                "{\"a\":\"b\"}",
                ": ",
                "#",
                "\u2028",
                "\u0000",
                "\uD83D\uDE00",
                "ä",
                "|",
                "-",
                "\"",
                "\\",
                "[DONE]");
        return pieces.list().ofMaxSize(30).map(list -> String.join("", list));
    }

    @Property(tries = 100)
    void anyTextComesBackByteForByte(@ForAll("texts") String text) throws IOException {
        comesBack(text.getBytes(StandardCharsets.UTF_8));
    }

    @Property(tries = 50)
    void anyBytesComeBack(@ForAll byte[] bytes) throws IOException {
        comesBack(bytes);
    }

    private static void comesBack(byte[] bytes) throws IOException {
        for (String type : List.of("application/json", "text/event-stream")) {
            Contents contents = new Contents();
            Recording recording = recording(request(PROMPT), answer(type, bytes));
            String text = RecordingFile.write(recording, contents);
            assertThat(RecordingFile.read(Path.of("x.yaml"), text, contents)
                            .answer()
                            .body())
                    .isEqualTo(bytes);
        }
    }

    private static final class Contents implements RecordingFile.Contents {
        private final Map<String, byte[]> kept = new HashMap<>();

        @Override
        public String put(byte[] bytes) {
            String sha256 = RecordingFile.sha256(bytes);
            kept.put(sha256, bytes);
            return sha256;
        }

        @Override
        public byte[] get(String sha256) {
            return kept.get(sha256);
        }
    }

    @Test
    void aPersonReadsTheFile() throws IOException {
        String stream = "event: message_start\ndata: {\"type\":\"message_start\"}\n\ndata: [DONE]\n\n";
        Folder.Entry entry = open().save(recording(
                request(PROMPT), answer("text/event-stream", stream.getBytes(StandardCharsets.UTF_8))));
        assertThat(entry.file().getFileName().toString()).matches("chat-demo-[0-9a-f]{12}\\.yaml");
        assertThat(Files.readString(entry.file()))
                .isEqualTo("""
                # One call to a provider, recorded by Refrain. docs/CASSETTES.md describes the format.
                format: 1
                recorded: "2026-11-29T23:30:00Z"
                by: "refrain test"
                endpoint: "chat"
                model: "demo"
                request: |2-
                  {
                    "model": "demo",
                    "messages": [
                      {
                        "role": "user",
                        "content": "hi"
                      }
                    ]
                  }
                status: 200
                type: "text/event-stream"
                answer-fields:
                  - "request-id: r-1"
                wait: 12
                sha256: "%s"
                stream: |2+
                  +40 event: message_start
                    data: {"type":"message_start"}
                  +0 data: [DONE]
                """.formatted(RecordingFile.sha256(stream.getBytes(StandardCharsets.UTF_8))));
    }

    @Test
    void largeContentsGetFilesOfTheirOwn() throws IOException {
        String image = "iVBORw0KGgo".repeat(1000);
        RecordedRequest request =
                request("{\"model\":\"demo\",\"image\":\"" + image + "\",\"again\":\"" + image + "\"}");
        byte[] binary = new byte[5000];
        binary[0] = (byte) 0xFF;
        Recording read = written(recording(request, answer("audio/mpeg", binary)));
        assertThat(read.answer().body()).isEqualTo(binary);
        assertThat(read.request().body()).isEqualTo(request.body());
        try (var files = Files.list(folder.resolve("files"))) {
            assertThat(files.filter(file -> !file.getFileName().toString().startsWith(".")))
                    .hasSize(2);
        }
        // Git leaves the line ends of these files alone, also on Windows.
        assertThat(folder.resolve("files/.gitattributes")).hasContent("* -text");
        assertThat(Files.size(open().all().get(0).file())).isLessThan(2000);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"../../etc/passwd", "..", "a/b\\c:d*e?f", "CON", "", "\uD83D\uDE00", "UPPER", "x. .", "\u0000nul"
            })
    void aNameIsSafeWhateverTheModelIsCalled(String model) throws IOException {
        ObjectNode body = RecordedRequest.JSON.createObjectNode().put("model", model);
        Folder.Entry entry = open().save(recording(
                new RecordedRequest(Endpoint.CHAT, model, "", "", List.of(), RecordedRequest.NO_SAMPLE, body),
                answer("application/json", new byte[] {'1'})));
        assertThat(entry.file().getParent()).isEqualTo(folder);
        assertThat(entry.file().getFileName().toString()).matches("chat-([a-z0-9._-]{1,40}-)?[0-9a-f]{12}\\.yaml");
        assertThat(open().all()).hasSize(1);
    }

    @Test
    void filesThatAnotherProgramRemovesOrLeavesAreNoDamage() throws IOException {
        good();
        // Opening such a link fails like opening a file that was removed after the folder was listed.
        Files.createSymbolicLink(folder.resolve("chat-a-0.yaml"), folder.resolve("gone"));
        Path old = Files.writeString(folder.resolve(".refrain-1.tmp"), "x");
        Path fresh = Files.writeString(folder.resolve(".refrain-2.tmp"), "x");
        Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofDays(1))));
        assertThat(open().all()).hasSize(1);
        assertThat(old).doesNotExist();
        assertThat(fresh).exists();
    }

    @Test
    void theInputOfAToolHoldsNoIdOfTheAnswer() {
        String answer = "{\"id\":\"m-%d\",\"content\":[{\"id\":\"t-%d\",\"input\":{\"order_id\":\"%s\"}}]}";
        assertThat(Likeness.isSame(json(answer.formatted(1, 1, "A1")), json(answer.formatted(2, 2, "A1"))))
                .isTrue();
        assertThat(Likeness.isSame(json(answer.formatted(1, 1, "A1")), json(answer.formatted(2, 2, "B2"))))
                .isFalse();
    }

    private static RecordedAnswer json(String body) {
        return answer("application/json", body.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aDocumentThatIndentationWouldMultiplyIsNotLaidOut() throws IOException {
        String deep = "[".repeat(24) + "\"\",".repeat(100_000) + "1" + "]".repeat(24);
        assertThat(JsonLayout.pretty(deep)).isSameAs(deep);
        Recording read = written(recording(request("{\"model\":\"m\",\"a\":" + deep + "}"), json(deep)));
        assertThat(new String(read.answer().body(), StandardCharsets.UTF_8)).isEqualTo(deep);
        assertThat(read.request().text()).contains(deep);
    }

    @Test
    void aLongModelHasAShortName() throws IOException {
        ObjectNode body = RecordedRequest.JSON.createObjectNode();
        Folder.Entry entry = open().save(recording(
                new RecordedRequest(Endpoint.CHAT, "m".repeat(5000), "", "", List.of(), 3, body),
                answer("application/json", new byte[] {'1'})));
        assertThat(entry.file().getFileName().toString()).hasSizeLessThan(80);
    }

    @Test
    void theOrderOfMembersAndTheSpellingOfNumbersDoNotCount() throws IOException {
        assertThat(request("{\"model\":\"a\",\"temperature\":1.0,\"x\":\"\\u0061\"}")
                        .digest(KeyRules.NONE))
                .isEqualTo(request("{ \"x\":\"a\", \"temperature\":1, \"model\":\"a\"}")
                        .digest(KeyRules.NONE))
                .isNotEqualTo(request("{\"model\":\"a\",\"temperature\":1.5,\"x\":\"a\"}")
                        .digest(KeyRules.NONE));
        KeyRules rules = KeyRules.NONE.ignoring(List.of("metadata.session"));
        assertThat(request("{\"model\":\"a\",\"metadata\":{\"session\":1}}").digest(rules))
                .isEqualTo(request("{\"model\":\"a\",\"metadata\":{\"session\":2}}")
                        .digest(rules))
                .isNotEqualTo(request("{\"model\":\"a\",\"metadata\":{\"session\":2,\"b\":1}}")
                        .digest(rules));
    }

    private Path good() throws IOException {
        return open().save(recording(
                        request(PROMPT),
                        answer("text/event-stream", "data: one\n\ndata: two\n\n".getBytes(StandardCharsets.UTF_8))))
                .file();
    }

    private void changed(String from, String to, String message) throws IOException {
        Path file = good();
        String text = Files.readString(file);
        assertThat(text).contains(from);
        Files.writeString(file, text.replace(from, to));
        assertThatThrownBy(this::open)
                .isInstanceOf(DamagedRecordingException.class)
                .hasMessageContaining(file.getFileName().toString())
                .hasMessageContaining(message);
        Files.delete(file);
    }

    @Test
    void whatWasChangedIsNoticedWithItsLine() throws IOException {
        changed("data: two", "data: three", ":23: stream: the answer was changed");
        changed("  +37 data: two", "  data: two", ":25: a line of a stream must begin with +MS");
        changed("+37 data: two", "+x data: two", ":25: a gap must be a number");
        changed("status: 200", "status: 42", ":17: status: must be an HTTP status");
        changed("status: 200", "statsu: 200", "did you mean status?");
        changed("format: 1", "format: 2", ":2: format: this Refrain reads format 1 and not 2");
        changed("endpoint: \"chat\"", "endpoint: \"chats\"", ":5: endpoint: must be one of");
        changed("\"role\": \"user\",", "\"role\": ,", ":12: the request is not JSON");
        changed("wait: 12", "wait: [", ":21: wait must be a text, a number or a list");
        changed("by: \"refrain test\"", "by: \"refrain", "not YAML");
        changed("recorded: \"2026-11-29T23:30:00Z\"", "recorded: \"today\"", ":3: recorded: must be a time");
        changed("stream: |2+", "text: x\nstream: |2+", "an answer must be exactly one of");
        changed("wait: 12", "wait: 12\nwait: 13", "wait");
    }

    @Test
    void aChangeOnPurposeIsPlayed() throws IOException {
        Path file = good();
        Files.writeString(
                file, Files.readString(file).replace("data: two", "data: three").replaceAll("sha256: .*\n", ""));
        assertThat(new String(open().load(file).answer().body(), StandardCharsets.UTF_8))
                .isEqualTo("data: one\n\ndata: three\n\n");
    }

    @Test
    void lineEndsOfAnotherSystemDoNotMatter() throws IOException {
        Path file = good();
        Files.writeString(file, Files.readString(file).replace("\n", "\r\n"));
        assertThat(new String(open().load(file).answer().body(), StandardCharsets.UTF_8))
                .isEqualTo("data: one\n\ndata: two\n\n");
    }

    @Test
    void aShortFileCannotExpandIntoAHugeRequest() throws IOException {
        byte[] content = "x".repeat(1 << 20).getBytes(StandardCharsets.UTF_8);
        Contents contents = new Contents();
        String sha256 = contents.put(content);
        String text = "format: 1\nrecorded: \"2026-11-29T23:30:00Z\"\nendpoint: \"chat\"\nfiles:\n  - \"" + sha256
                + "\"\nrequest: |2-\n  {\"a\": [" + ("\"$file:" + sha256 + "\",").repeat(100) + "1]}\n"
                + "status: 200\ntext: \"\"\n";
        assertThatThrownBy(() -> RecordingFile.read(Path.of("x.yaml"), text, contents))
                .isInstanceOf(DamagedRecordingException.class)
                .hasMessageContaining("the request is over");
    }

    @Test
    void aFileLongerThanAnyRecordingIsNotRead() throws IOException {
        Path file = folder.resolve("chat-x-000000000000.yaml");
        try (var channel = Files.newByteChannel(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.position(RecordingFile.MOST_BYTES).write(ByteBuffer.wrap(new byte[1]));
        }
        assertThatThrownBy(this::open).hasMessageContaining("is longer than");
    }

    @Test
    void aContentFileMustMatchTheHashInItsName() throws IOException {
        written(recording(request(PROMPT), answer("audio/mpeg", new byte[] {(byte) 0xFF, 1})));
        Path content;
        try (var files = Files.list(folder.resolve("files"))) {
            content = files.filter(file -> !file.getFileName().toString().startsWith("."))
                    .findFirst()
                    .orElseThrow();
        }
        Files.write(content, new byte[] {1});
        assertThatThrownBy(this::open).hasMessageContaining("its SHA-256 is not its name");
        Files.delete(content);
        assertThatThrownBy(this::open).hasMessageContaining("there is no ");
    }
}
