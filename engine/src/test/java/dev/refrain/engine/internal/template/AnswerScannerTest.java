package dev.refrain.engine.internal.template;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The scanner skips text in long steps, and stops at the same places as Jackson. */
class AnswerScannerTest {
    private static final JsonFactory JACKSON = new JsonFactory();
    private static final String BEFORE = "{\"text\":\"";
    private static final String AFTER = "\",\"id\":\"chatcmpl-1\"}";

    @Test
    void acceptsTheTextsThatJacksonAcceptsAndFindsTheirEnds() {
        AnswerScanner scanner = new AnswerScanner(AnswerFormat.CHAT, Sample.ZERO);
        int longest = 8 + 2 * 32 + 8;
        for (int position = 0; position < longest; position++) {
            for (char value :
                    "\0\u001f !\"#[\\]nu\u007f\u0080\u00bf\u00c1\u00c3\u00dc\u00f7\u00f8\u00ff".toCharArray()) {
                for (char next : new char[] {'"', '\\', 'n', 'u', 0x1f, 0xa9}) {
                    byte[] body = (BEFORE
                                    + "x".repeat(Math.max(position + 2, longest - (value + position) % 40))
                                    + AFTER)
                            .getBytes(US_ASCII);
                    body[BEFORE.length() + position] = (byte) value;
                    body[BEFORE.length() + position + 1] = (byte) next;
                    compare(scanner, body, body.length);
                    if (position % 8 == 0) {
                        compare(scanner, body, BEFORE.length() + position + 2);
                    }
                }
            }
        }
    }

    /** Compares in the middle of an array too, where reading too far would find something. */
    private static void compare(AnswerScanner scanner, byte[] array, int length) {
        byte[] body = Arrays.copyOf(array, length);
        boolean isObject = scanner.scan(body, 0, length) == null;
        int end = isObject ? scanner.edits().get(0).end() : -1;
        boolean isObjectInside = scanner.scan(array, 0, length) == null;
        if (isObject != isObjectInside || isObject != jacksonTakes(body) || (isObject && end != length - 2)) {
            throw new AssertionError("read otherwise: " + new String(body, ISO_8859_1));
        }
    }

    private static boolean jacksonTakes(byte[] body) {
        try (JsonParser parser = JACKSON.createParser(body)) {
            while (parser.nextToken() != null) {
                // Values are skipped by their token alone, as the scanner does.
            }
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    // ---- objects on the heap are bounded in bytes

    private static final int MIB = 1 << 20;

    private static byte[] ascii(String text) {
        return text.getBytes(US_ASCII);
    }

    /** Bytes that the scan allocates on the heap, without buffers that the JSON parser reuses. */
    private static long allocatedBy(AnswerScanner scanner, byte[] body) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        scanner.scan(ascii("{}"), 0, 2);
        long before = threads.getCurrentThreadAllocatedBytes();
        scanner.scan(body, 0, body.length);
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    @Test
    void anIdThatIsTooLongIsReplacedAndNeverRead() {
        AnswerScanner scanner = new AnswerScanner(AnswerFormat.CHAT, Sample.ZERO);
        for (int length : new int[] {511, 512, 513, 4_000, 4_001, 8 * MIB}) {
            byte[] body = ascii("{\"id\":\"" + "i".repeat(length) + "\",\"created\":1}");
            assertThat(scanner.scan(body, 0, body.length)).isNull();
            assertThat(scanner.fields().id == null).isEqualTo(length > 512);
            assertThat(scanner.edits().get(0).end() - scanner.edits().get(0).start())
                    .isEqualTo(length);
            assertThat(scanner.edits()).hasSize(2);
            assertThat(allocatedBy(scanner, body)).isLessThan(MIB / 8);
        }
    }

    @Test
    void escapesCountAsBytes() {
        AnswerScanner scanner = new AnswerScanner(AnswerFormat.CHAT, Sample.ZERO);
        for (int pairs : new int[] {256, 257}) {
            byte[] body = ascii("{\"id\":\"" + "\\\"".repeat(pairs) + "\"}");
            assertThat(scanner.scan(body, 0, body.length)).isNull();
            assertThat(scanner.fields().id == null).isEqualTo(pairs > 256);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"type", "object", "choices"})
    void aTextThatIsTooLongIsIgnored(String member) {
        AnswerScanner scanner = new AnswerScanner(AnswerFormat.CHAT, Sample.ZERO);
        String text = "\"" + "t".repeat(8 * MIB) + "\"";
        String value = member.equals("choices") ? "[{\"finish_reason\":" + text + "}]" : text;
        byte[] body = ascii("{\"" + member + "\":" + value + "}");
        assertThat(scanner.scan(body, 0, body.length)).isNull();
        AnswerFields fields = scanner.fields();
        assertThat(fields.type).isNull();
        assertThat(fields.object).isNull();
        assertThat(fields.choices).allMatch(choice -> choice.finishReason() == null);
        assertThat(allocatedBy(scanner, body)).isLessThan(MIB / 8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"created\":%s}", "{\"usage\":{\"prompt_tokens\":%s}}", "{\"x\":[{\"y\":0.%s}]}"})
    void numbersAreBoundedInBytes(String document) {
        AnswerScanner scanner = new AnswerScanner(AnswerFormat.CHAT, Sample.ZERO);
        byte[] longest = ascii(document.formatted("7".repeat(MIB - 1)));
        assertThat(scanner.scan(longest, 0, longest.length)).isNull();
        byte[] body = ascii(document.formatted("7".repeat(8 * MIB)));
        assertThat(scanner.scan(body, 0, body.length)).isEqualTo("beyond what the JSON parser takes on");
        assertThat(allocatedBy(scanner, body)).isLessThan(8 * MIB);
    }

    @Test
    void namesAreBoundedInBytes() {
        AnswerScanner scanner = new AnswerScanner(AnswerFormat.CHAT, Sample.ZERO);
        StringBuilder names = new StringBuilder("{\"x\":{");
        for (int i = 0; i < 500_000; i++) {
            names.append("\"n").append(i).append("\":1,");
        }
        byte[] many = ascii(names + "\"x\":1}}");
        byte[] one = ascii("{\"x\":{\"" + "n".repeat(4 * MIB) + "\":1}}");
        byte[] legal = ascii("{\"x\":{\"" + "n".repeat(60_000) + "\":1}}");
        assertThat(scanner.scan(many, 0, many.length)).isEqualTo("beyond what the JSON parser takes on");
        assertThat(scanner.scan(one, 0, one.length)).isEqualTo("beyond what the JSON parser takes on");
        assertThat(scanner.scan(legal, 0, legal.length)).isNull();
        // The limit includes the table of names, which doubles as it grows.
        assertThat(allocatedBy(scanner, many)).isLessThan(6 * MIB);
        assertThat(allocatedBy(scanner, one)).isLessThan(MIB);
    }
}
