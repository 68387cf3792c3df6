package dev.refrain.engine.internal.template;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The long steps in which text is passed over lead where Jackson's short ones do. */
class AnswerScannerTest {
    private static final JsonFactory JACKSON = new JsonFactory();
    private static final String BEFORE = "{\"text\":\"";
    private static final String AFTER = "\",\"id\":\"chatcmpl-1\"}";

    @Test
    void takesTheTextsThatJacksonTakesAndFindsWhatStandsBehindThem() {
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

    /** Also in the middle of an array, where reading on would find something. */
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
                // Passes over what is read by its token alone, as the scanner does.
            }
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
