package dev.refrain.engine.internal.template;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.Damage;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.template.AnswerCapture.State;
import dev.refrain.engine.spi.EntryBuffer;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.params.provider.Arguments;

/**
 * Fuzzes the event stream parser and the template builder. The outcome does not depend on how the bytes are split, and
 * nothing throws. A template equals its answer except for the fields of wire rule W25.
 */
class CaptureFuzzTest {
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    /** A stream of an endpoint, as a provider sends it. */
    record Stream(Endpoint endpoint, String text) {}

    @Property
    void aDamagedStreamIsReadTheSameHoweverItIsSplit(
            @ForAll("streams") Stream stream, @ForAll("streamDamages") List<Damage> damages, @ForAll Random cuts)
            throws JsonProcessingException {
        byte[] bytes = Damage.apply(damages, stream.text().getBytes(UTF_8));
        AnswerCapture whole = capture(stream.endpoint(), true, bytes, null);
        AnswerCapture inPieces = capture(stream.endpoint(), true, bytes, cuts);

        assertThat(inPieces.state()).isEqualTo(whole.state());
        assertThat(inPieces.rejection()).isEqualTo(whole.rejection());
        if (whole.state() == State.COMPLETE) {
            byte[] hit = Sample.replayedBytes(whole.template());
            assertThat(Sample.replayedBytes(inPieces.template())).isEqualTo(hit);
            assertThat(readLive(inPieces)).isEqualTo(hit);
            checkEvents(stream.endpoint(), new String(bytes, UTF_8), new String(hit, UTF_8));
        }
    }

    private static void checkEvents(Endpoint endpoint, String sent, String hit) throws JsonProcessingException {
        List<EventStream.Event> expected = EventStream.parse(sent);
        List<EventStream.Event> events = EventStream.parse(hit);
        assertThat(events).hasSameSizeAs(expected);
        for (int i = 0; i < events.size(); i++) {
            EventStream.Event before = expected.get(i);
            EventStream.Event after = events.get(i);
            assertThat(after.otherFields()).isEqualTo(before.otherFields());
            if (before.data() != null && before.data().matches("(?s)[ \\t\\n\\r]*\\{.*")) {
                ObjectNode tree = (ObjectNode) JSON.readTree(before.data());
                ReplayOracle.ofEvent(endpoint, tree);
                assertThat(JSON.readTree(after.data())).isEqualTo(tree);
            } else {
                assertThat(after.data()).isEqualTo(before.data());
            }
        }
    }

    @Property
    void aDamagedDocumentIsRefusedOrReplayedCorrectly(
            @ForAll("bodies") String body,
            @ForAll("jsonDamages") List<Damage> damages,
            @ForAll Endpoint endpoint,
            @ForAll Random cuts)
            throws JsonProcessingException {
        byte[] bytes = Damage.apply(damages, body.getBytes(UTF_8));
        AnswerCapture whole = capture(endpoint, false, bytes, null);
        AnswerCapture inPieces = capture(endpoint, false, bytes, cuts);

        assertThat(inPieces.state()).isEqualTo(whole.state());
        assertThat(inPieces.rejection()).isEqualTo(whole.rejection());
        if (whole.state() == State.COMPLETE) {
            byte[] hit = Sample.replayedBytes(whole.template());
            assertThat(Sample.replayedBytes(inPieces.template())).isEqualTo(hit);
            ObjectNode tree = (ObjectNode) JSON.readTree(new String(bytes, UTF_8));
            ReplayOracle.ofBody(endpoint, tree);
            assertThat(JSON.readTree(new String(hit, UTF_8))).isEqualTo(tree);
        }
    }

    @Property
    void arbitraryBytesAreReadWithoutAnException(
            @ForAll byte[] bytes, @ForAll Endpoint endpoint, @ForAll boolean streaming) {
        assertThat(capture(endpoint, streaming, bytes, null).state()).isIn(State.COMPLETE, State.REJECTED);
    }

    private static AnswerCapture capture(Endpoint endpoint, boolean streaming, byte[] bytes, Random cuts) {
        AnswerCapture capture = AnswerCapture.of(endpoint, streaming, Sample.LIMIT, Sample.ZERO, Sample.unlimited());
        int at = 0;
        while (cuts != null && at < bytes.length) {
            int length = Math.min(bytes.length - at, cuts.nextInt(1 << cuts.nextInt(8)));
            capture.append(ByteBuffer.wrap(bytes, at, length));
            at += length;
        }
        capture.append(ByteBuffer.wrap(bytes, at, bytes.length - at));
        capture.end();
        return capture;
    }

    /** The bytes that followers get. */
    private static byte[] readLive(AnswerCapture capture) {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        LiveReader reader = capture.live().reader();
        EntryBuffer piece = new EntryBuffer(64);
        while (reader.read(piece, Sample.ascii(Sample.ID), Sample.ascii(Sample.TIME))) {
            read.write(piece.bytes(), 0, piece.length());
        }
        return read.toByteArray();
    }

    @Provide
    Arbitrary<Stream> streams() {
        return Arbitraries.of(StreamCaptureTest.streams()
                .map(Arguments::get)
                .flatMap(given -> java.util.stream.Stream.of("\n", "\r\n", "\r")
                        .map(end -> Sample.of((String) given[1]).original().replace("\n", end))
                        .map(text -> new Stream((Endpoint) given[0], text)))
                .toList());
    }

    @Provide
    Arbitrary<String> bodies() {
        return Documents.arbitrary().map(body -> body.substring(0, body.lastIndexOf('}')) + Sample.COMPLETE);
    }

    @Provide
    Arbitrary<List<Damage>> streamDamages() {
        return Damage.some(words(
                "\n",
                "\r",
                "\r\n",
                "\n\n",
                ":",
                " ",
                "data: ",
                "data:",
                "data\n",
                "event: error\n",
                "id: 1\n",
                ": comment\n",
                "\ufeff",
                "[DONE]",
                "data: [DONE]\n\n",
                "{",
                "}",
                "\"",
                "\\",
                ",",
                "\"id\":\"x\",",
                "\"usage\":{\"n\":1},",
                "\"error\":{},",
                "\"error\":null,",
                "\"type\":\"message_stop\",",
                "0",
                "-",
                ".5",
                "e9"));
    }

    @Provide
    Arbitrary<List<Damage>> jsonDamages() {
        return Damage.some(words(
                "{",
                "}",
                "[",
                "]",
                "\"",
                "\\",
                ",",
                ":",
                " ",
                "\n",
                "0",
                "-",
                ".5",
                "e9",
                "null",
                "true",
                "\"id\":\"x\",",
                "\"created\":5,",
                "\"usage\":{\"n\":[1,\"2\"]},",
                "\"error\":{},",
                "\\u0069",
                "\u4f60"));
    }

    private static byte[][] words(String... words) {
        return Arrays.stream(words).map(word -> word.getBytes(UTF_8)).toArray(byte[][]::new);
    }
}
