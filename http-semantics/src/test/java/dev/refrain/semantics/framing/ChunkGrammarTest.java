package dev.refrain.semantics.framing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares {@link ChunkGrammar} with the grammar of RFC 9112, 7.1, written here as regular expressions. */
class ChunkGrammarTest {
    private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
    private static final String QUOTED =
            "\"(?:[\\t \\x21\\x23-\\x5B\\x5D-\\x7E\\x80-\\xFF]|\\\\[\\t\\x20-\\x7E\\x80-\\xFF])*\"";
    private static final String BWS = "[ \\t]*";
    private static final String EXTENSION =
            BWS + ";" + BWS + TOKEN + "(?:" + BWS + "=" + BWS + "(?:" + TOKEN + "|" + QUOTED + "))?";
    private static final Pattern SIZE = Pattern.compile("([0-9A-Fa-f]+)(?:" + EXTENSION + ")*\\r\\n");
    private static final Pattern TRAILERS =
            Pattern.compile("(?:" + TOKEN + ":[\\t\\x20-\\x7E\\x80-\\xFF]*\\r\\n)*\\r\\n");

    /** The end of the body in the text; -1 if the text is invalid, or the text's length + 1 if it is unfinished. */
    private static int byTheRfc(String text) {
        int at = 0;
        while (true) {
            Matcher size = SIZE.matcher(text).region(at, text.length());
            if (!size.lookingAt()) {
                return size.hitEnd() ? text.length() + 1 : -1;
            }
            at = size.end();
            long length = Long.parseLong(size.group(1), 16);
            if (length == 0) {
                break;
            }
            if (at + length + 2 > text.length()) {
                return "\r\n".startsWith(text.substring((int) Math.min(at + length, text.length())))
                        ? text.length() + 1
                        : -1;
            }
            at += (int) length;
            if (!text.startsWith("\r\n", at)) {
                return -1;
            }
            at += 2;
        }
        Matcher trailers = TRAILERS.matcher(text).region(at, text.length());
        return trailers.lookingAt() ? trailers.end() : trailers.hitEnd() ? text.length() + 1 : -1;
    }

    private static int ours(String text) {
        ChunkGrammar grammar = new ChunkGrammar();
        byte[] bytes = text.getBytes(ISO_8859_1);
        try {
            for (int at = 0; at < bytes.length; at++) {
                if (grammar.isInData()) {
                    grammar.took(1);
                } else {
                    grammar.accept(bytes[at]);
                }
                if (grammar.isAtEnd()) {
                    return at + 1;
                }
            }
        } catch (MalformedBody refused) {
            return -1;
        }
        return bytes.length + 1;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0\r\n\r\n",
                "1\r\nx\r\n0\r\n\r\n",
                "0001;a\r\nx\r\n000;b=c\r\n\r\n",
                "1 ; a = b ; c\t=\t\"d;\\\"\\\\e\u00e9\";f\r\nx\r\n0\r\n\r\n",
                "1;a=\"\"\r\nx\r\n0\r\nT: a\r\nU:\r\nV:\t b c \u00e9 \r\n\r\n",
                "aF\r\n"
                        + "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
                        + "89012345678901234567890"
                        + "12345678901234567890123456789012345678901234567890123456789012345\r\n0\r\n\r\n"
            })
    void f25_bodiesOfTheRfcsGrammarAreAccepted(String body) {
        assertThat(byTheRfc(body)).isEqualTo(body.length());
        assertThat(ours(body)).isEqualTo(body.length());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // Seen in practice: blanks within a size, an extension without a name, a trailer line without a colon.
                "1b 6\r\n",
                "1b\tzz;;==\r\n",
                "0\r\nno colon\r\n\r\n",
                "1 \r\nx\r\n0\r\n\r\n",
                "1\t\r\n",
                "1;\r\n",
                "1;;a\r\n",
                "1; \r\n",
                "1;a=\r\n",
                "1;a= ;b\r\n",
                "1;=b\r\n",
                "1;a=b=c\r\n",
                "1;a b\r\n",
                "1;a=b c\r\n",
                "1;a \r\n",
                "1;a=b \r\n",
                "1;a=\"b\"c\r\n",
                "1;a=\"b\" \r\n",
                "1;a=\"b\r\n",
                "1;a=\"\u0001\"\r\n",
                "1;a=\"\\\u0001\"\r\n",
                "1;\"a\"\r\n",
                "1;a=(b)\r\n",
                "1,a\r\n",
                "1=a\r\n",
                ";a\r\n",
                "\r\n",
                " 1\r\n",
                "+1\r\n",
                "-1\r\n",
                "0x1\r\n",
                "1\n",
                "1\r\r\n",
                "1;a\n",
                "1;a\rb\r\n",
                "\uff11\r\n",
                "1\r\nxy\r\n",
                "1\r\nx\n",
                "1\r\nx\r1",
                "10000000000000000\r\n",
                "0\r\n\n",
                "0\r\n: a\r\n\r\n",
                "0\r\nA : a\r\n\r\n",
                "0\r\n A: a\r\n\r\n",
                "0\r\nA: a\r\n b\r\n\r\n",
                "0\r\nA: a\r\n\tb\r\n\r\n",
                "0\r\nA: a\n\r\n",
                "0\r\nA: a\rb\r\n\r\n",
                "0\r\nA: \u0000\r\n\r\n",
                "0\r\nA: \u007f\r\n\r\n",
                "0\r\nA\u00e9: a\r\n\r\n",
                "0\r\n\rX\r\n"
            })
    void f25_anythingElseIsRefused(String body) {
        assertThat(ours(body)).isEqualTo(-1);
    }

    /**
     * A size, its extensions and the trailer have limits of length. The limit of a size leaves room for leading zeros.
     */
    @Test
    void f25_aSizeMayHaveSomeLeadingZeros() {
        assertThat(ours("0".repeat(900) + "1\r\nx\r\n0\r\n\r\n")).isEqualTo(911);
        assertThat(ours("0".repeat(1025))).isEqualTo(-1);
        assertThat(ours("fffffffffffffff\r\n")).isEqualTo(18);
        assertThat(ours("1;" + "a".repeat(1100))).isEqualTo(-1);
        assertThat(ours("0\r\nA: " + "a".repeat(70_000))).isEqualTo(-1);
        assertThat(ours("0\r\n" + "A: b\r\n".repeat(20_000))).isEqualTo(-1);
    }

    @Property(tries = 4_000, edgeCases = EdgeCasesMode.NONE)
    void f25_agreesWithTheRfc(@ForAll("bodies") String body) {
        assertThat(ours(body)).as(body).isEqualTo(byTheRfc(body));
    }

    /** Mostly valid bodies; in some, a part is replaced. */
    @Provide
    Arbitrary<String> bodies() {
        Arbitrary<String> blank = Arbitraries.of("", "", "", "", " ", "\t", " \t ");
        Arbitrary<String> token = Arbitraries.of("a", "b-9", "!~", "name");
        Arbitrary<String> value = Arbitraries.of("c", "d.1", "\"\"", "\"q;=\"", "\"\\\"\"", "\"\\\\ \u00ff\"");
        Arbitrary<String> extension = Combinators.combine(blank, blank, token, blank, blank, value.injectNull(0.4))
                .as((a, b, name, c, d, v) -> a + ";" + b + name + (v == null ? "" : c + "=" + d + v));
        Arbitrary<String> extensions = extension.list().ofMaxSize(3).map(list -> String.join("", list));
        Arbitrary<String> chunk = Combinators.combine(
                        Arbitraries.strings()
                                .withCharRange('\0', '\u00ff')
                                .ofMinLength(1)
                                .ofMaxLength(20),
                        Arbitraries.of("", "", "0", "000"),
                        Arbitraries.of(true, false),
                        extensions)
                .as((data, zeros, upper, e) -> {
                    String size = Integer.toHexString(data.length());
                    return zeros + (upper ? size.toUpperCase(java.util.Locale.ROOT) : size) + e + "\r\n" + data
                            + "\r\n";
                });
        Arbitrary<String> trailer =
                Combinators.combine(token, blank, value, blank).as((name, a, v, b) -> name + ":" + a + v + b + "\r\n");
        Arbitrary<String> whole = Combinators.combine(
                        chunk.list().ofMaxSize(3),
                        Arbitraries.of("0", "00"),
                        extensions,
                        trailer.list().ofMaxSize(2))
                .as((chunks, zero, e, trailers) ->
                        String.join("", chunks) + zero + e + "\r\n" + String.join("", trailers) + "\r\n");
        Arbitrary<String> odd = Arbitraries.of(
                "", " ", "\t", ";", "=", "\"", "\\", "\r", "\n", "\r\n", ":", ",", "0", "f", "g", "\0", "\u007f",
                "\u00e9", "\r\n ", "x", "1\r\n");
        return Combinators.combine(
                        whole,
                        Arbitraries.integers().between(0, 200),
                        Arbitraries.integers().between(0, 2),
                        odd,
                        Arbitraries.of(List.of(0, 1, 1, 1)))
                .as((text, at, length, with, changes) -> {
                    int from = changes == 0 ? 0 : at % text.length();
                    return changes == 0
                            ? text
                            : text.substring(0, from) + with + text.substring(Math.min(text.length(), from + length));
                });
    }
}
