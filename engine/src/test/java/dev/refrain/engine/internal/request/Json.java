package dev.refrain.engine.internal.request;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Supplier;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** Random JSON, as lists of tokens that {@link #compact} and {@link #spaced} put together. */
final class Json {
    private static final String[] SPACE = {" ", "\n", "\r", "\t"};

    private Json() {}

    /** Objects of every shape and spelling that RFC 8259 allows. */
    static Arbitrary<List<String>> objects() {
        return object(strings(), () -> values(4));
    }

    static Arbitrary<List<String>> object(Arbitrary<String> names, Supplier<Arbitrary<List<String>>> values) {
        Arbitrary<List<String>> members =
                Arbitraries.lazy(() -> Combinators.combine(names, values.get()).as((name, value) -> {
                    List<String> member = new ArrayList<>(List.of(name, ":"));
                    member.addAll(value);
                    return member;
                }));
        return members.list().ofMaxSize(4).map(list -> enclose("{", list, "}"));
    }

    /** Values nested at most {@code depth} levels deep. */
    static Arbitrary<List<String>> values(int depth) {
        Arbitrary<List<String>> scalars = Arbitraries.oneOf(
                        strings(), numbers(), Arbitraries.of("true", "false", "null"))
                .map(List::of);
        if (depth == 0) {
            return scalars;
        }
        return Arbitraries.frequencyOf(
                Tuple.of(4, scalars),
                Tuple.of(1, object(strings(), () -> values(depth - 1))),
                Tuple.of(
                        1,
                        Arbitraries.lazy(() -> values(depth - 1))
                                .list()
                                .ofMaxSize(4)
                                .map(list -> enclose("[", list, "]"))));
    }

    /** Strings long enough for several groups of eight bytes, with every kind of byte that needs a closer look. */
    static Arbitrary<String> strings() {
        Arbitrary<String> pieces = Arbitraries.oneOf(
                Arbitraries.strings().withCharRange(' ', '~').ofMaxLength(20).map(Json::escape),
                Arbitraries.of(
                        "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\u0041", "\\ud83d\\ude00", "\\ud800", "\\uDFff"),
                Arbitraries.of(
                        "é", "ÿ", "漢字", "\u0800", "\ud7ff", "\ue000", "\uffff", "😀", "\ufeff", "\u007f", " ", "  "));
        return pieces.list().ofMaxSize(5).map(list -> '"' + String.join("", list) + '"');
    }

    static Arbitrary<String> numbers() {
        return Arbitraries.oneOf(
                Arbitraries.of(
                        "0", "-0", "1.0", "1.00", "1e5", "1E+5", "1e-05", "-0.0e0", "123456789012345678901234567890"),
                Arbitraries.longs().map(String::valueOf),
                Arbitraries.doubles().map(String::valueOf));
    }

    private static String escape(String text) {
        return text.replace("\\", "\\\\").replace("\"", "\\\"");
    }

    /** The parts between brackets, with commas. */
    static List<String> enclose(String open, List<List<String>> parts, String close) {
        List<String> tokens = new ArrayList<>();
        tokens.add(open);
        for (int i = 0; i < parts.size(); i++) {
            if (i > 0) {
                tokens.add(",");
            }
            tokens.addAll(parts.get(i));
        }
        tokens.add(close);
        return tokens;
    }

    static byte[] compact(List<String> tokens) {
        return utf8(String.join("", tokens));
    }

    /** The tokens with white space around them: none at most places, runs of up to four at others. */
    static byte[] spaced(List<String> tokens, long seed) {
        Random random = new Random(seed);
        StringBuilder text = new StringBuilder();
        for (String token : tokens) {
            space(random, text);
            text.append(token);
        }
        space(random, text);
        return utf8(text.toString());
    }

    private static void space(Random random, StringBuilder text) {
        for (int n = random.nextInt(9); n > 4; n--) {
            text.append(SPACE[random.nextInt(SPACE.length)]);
        }
    }

    /** Every sequence of at most {@code maxLength} bytes of an alphabet, the empty one included. */
    static void forEachSequence(byte[] alphabet, int maxLength, Consumer<byte[]> action) {
        forEachSequence(alphabet, new byte[0], maxLength, action);
    }

    private static void forEachSequence(byte[] alphabet, byte[] prefix, int left, Consumer<byte[]> action) {
        action.accept(prefix);
        for (int i = 0; left > 0 && i < alphabet.length; i++) {
            byte[] longer = Arrays.copyOf(prefix, prefix.length + 1);
            longer[prefix.length] = alphabet[i];
            forEachSequence(alphabet, longer, left - 1, action);
        }
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** Scans a body in the middle of an array, between bytes that would change its meaning if the scan read them. */
    static RequestScan scan(byte[] body) {
        byte[] before = utf8("{\"model\":\"");
        byte[] after = utf8("\"}]\\\u0080");
        byte[] array = new byte[before.length + body.length + after.length];
        System.arraycopy(before, 0, array, 0, before.length);
        System.arraycopy(body, 0, array, before.length, body.length);
        System.arraycopy(after, 0, array, before.length + body.length, after.length);
        return RequestScan.of(array, before.length, body.length);
    }

    /** The normalised body. It must not depend on the size of the buffer that collects it. */
    static String normalised(byte[] body) {
        RequestScan scan = scan(body);
        String normalised = digested(scan, "", 512);
        assertThat(scan.normalisedLength()).isEqualTo(normalised.length());
        assertThat(digested(scan, "", 5)).isEqualTo(normalised);
        assertThat(digested(scan, "head", 5)).isEqualTo("head" + normalised);
        assertThat(digested(scan, "head", 0)).isEqualTo("head" + normalised);
        return normalised;
    }

    /** The bytes that a digest is given. */
    static String digested(RequestScan scan, String head, int room) {
        byte[] memory = Arrays.copyOf(utf8(head), head.length() + room);
        ByteArrayOutputStream given = new ByteArrayOutputStream();
        scan.digest(
                new MessageDigest("none") {
                    @Override
                    protected void engineUpdate(byte input) {
                        given.write(input);
                    }

                    @Override
                    protected void engineUpdate(byte[] input, int offset, int length) {
                        given.write(input, offset, length);
                    }

                    @Override
                    protected byte[] engineDigest() {
                        return given.toByteArray();
                    }

                    @Override
                    protected void engineReset() {
                        given.reset();
                    }
                },
                memory,
                head.length());
        assertThat(Arrays.copyOf(memory, head.length())).isEqualTo(utf8(head));
        return given.toString(StandardCharsets.ISO_8859_1);
    }
}
