package dev.refrain.engine.internal.request;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.NumberOutput;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Makes the canonical form of JSON (RFC 8785, JCS): properties are sorted, and each number and string has one spelling.
 *
 * <p>RFC 8785 covers only documents that conform to RFC 7493 (I-JSON). Documents with a duplicate name in an object or
 * with an unpaired surrogate have no canonical form here. Whole numbers beyond 2^53, and numbers out of the range of
 * doubles, keep their spelling: two of them could be the same double although providers can tell them apart.
 *
 * <p>Sorting properties takes many times a document's length in heap, and the client chooses the length. So documents
 * that would take much of the heap have no canonical form either, and long documents are processed one at a time. Not
 * thread-safe; one instance for each document.
 */
public final class CanonicalJson {
    private static final JsonFactory JSON = JsonFactory.builder()
            // With this feature the factory would keep the names that clients choose.
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private static final BigDecimal EXACT = BigDecimal.valueOf(1L << 53);
    private static final MathContext ONE_DIGIT = new MathContext(1);
    private static final char[] HEX = "0123456789abcdef".toCharArray();
    /**
     * Numbers with more characters than this keep their spelling, because the time to parse a number grows with the
     * square of its length.
     */
    private static final int LONGEST_NUMBER = 400;

    private static final long MAX_HEAP = Runtime.getRuntime().maxMemory();
    /**
     * Limit of a document, in bytes. It is a small share of the heap, because several copies of the strings are made.
     */
    private static final long LONGEST = MAX_HEAP / 64;
    /** At most this many values in a document. A value with its name takes some hundred bytes beside its characters. */
    private static final long MOST_VALUES = MAX_HEAP / 1024;

    /**
     * Longer documents, in bytes, wait for {@link #ONE_LONG}. Shorter ones take a few MiB, and may be processed on
     * threads that must not wait.
     */
    private static final int LONG = 256 * 1024;
    /** Held while a long document is processed, because many at once could fill the heap. Tests use it as well. */
    static final ReentrantLock ONE_LONG = new ReentrantLock();

    private long valuesLeft;

    private CanonicalJson(long mostValues) {
        valuesLeft = mostValues;
    }

    /** The document has no canonical form. */
    private static final class NotCanonical extends Exception {
        private static final long serialVersionUID = 1L;

        NotCanonical() {
            super(null, null, false, false);
        }
    }

    /**
     * The canonical form of a request's body, or null if it has none.
     *
     * @param body a JSON object
     */
    public static byte[] of(RequestScan body) {
        if (body.normalisedLength() > LONGEST) {
            return null;
        }
        if (body.normalisedLength() <= LONG) {
            return of(body.normalised(), MOST_VALUES);
        }
        ONE_LONG.lock();
        try {
            return of(body.normalised(), MOST_VALUES);
        } finally {
            ONE_LONG.unlock();
        }
    }

    /** @param document well-formed, nested at most 1000 levels deep */
    static byte[] of(byte[] document, long mostValues) {
        try (JsonParser parser = JSON.createParser(document)) {
            parser.nextToken();
            ByteArrayOutputStream out = new ByteArrayOutputStream(document.length);
            write(new CanonicalJson(mostValues).read(parser), out);
            return out.toByteArray();
        } catch (IOException | NotCanonical none) {
            return null;
        }
    }

    /** Reads the current value. Returns a map, a list, or the canonical spelling of a scalar. */
    private Object read(JsonParser parser) throws IOException, NotCanonical {
        if (--valuesLeft < 0) {
            throw new NotCanonical();
        }
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                // RFC 8785, 3.2.3 sorts names by UTF-16 code units, as String.compareTo does.
                Map<String, Object> object = new TreeMap<>();
                while (parser.nextToken() != JsonToken.END_OBJECT) {
                    String name = parser.currentName();
                    parser.nextToken();
                    if (object.putIfAbsent(name, read(parser)) != null) {
                        throw new NotCanonical();
                    }
                }
                yield object;
            }
            case START_ARRAY -> {
                List<Object> array = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    array.add(read(parser));
                }
                yield array;
            }
            case VALUE_STRING -> quoted(parser.getText());
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> number(parser.getText());
            default -> parser.getText();
        };
    }

    private static void write(Object value, ByteArrayOutputStream out) throws NotCanonical {
        char separator = 0;
        if (value instanceof Map<?, ?> object) {
            out.write('{');
            for (Map.Entry<?, ?> member : object.entrySet()) {
                separate(separator, out);
                separator = ',';
                write(quoted((String) member.getKey()), out);
                out.write(':');
                write(member.getValue(), out);
            }
            out.write('}');
        } else if (value instanceof List<?> array) {
            out.write('[');
            for (Object element : array) {
                separate(separator, out);
                separator = ',';
                write(element, out);
            }
            out.write(']');
        } else {
            out.writeBytes(((String) value).getBytes(StandardCharsets.UTF_8));
        }
    }

    private static void separate(char separator, ByteArrayOutputStream out) {
        if (separator != 0) {
            out.write(separator);
        }
    }

    /** The canonical spelling of a string (RFC 8785, 3.2.2.2). */
    private static String quoted(String text) throws NotCanonical {
        StringBuilder out = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\b' -> out.append("\\b");
                case '\t' -> out.append("\\t");
                case '\n' -> out.append("\\n");
                case '\f' -> out.append("\\f");
                case '\r' -> out.append("\\r");
                default -> {
                    if (c < ' ') {
                        out.append("\\u00").append(HEX[c >> 4]).append(HEX[c & 0xF]);
                    } else if (!Character.isSurrogate(c)) {
                        out.append(c);
                    } else if (Character.isHighSurrogate(c)
                            && i + 1 < text.length()
                            && Character.isLowSurrogate(text.charAt(i + 1))) {
                        out.append(c).append(text.charAt(++i));
                    } else {
                        throw new NotCanonical();
                    }
                }
            }
        }
        return out.append('"').toString();
    }

    /** The canonical spelling of a number (RFC 8785, 3.2.2.3): as ECMAScript writes a double. */
    private static String number(String spelt) {
        if (spelt.length() > LONGEST_NUMBER) {
            return spelt;
        }
        double number = Double.parseDouble(spelt);
        if (number == 0) {
            return isZero(spelt) ? "0" : spelt;
        }
        boolean isWhole = spelt.indexOf('.') < 0 && spelt.indexOf('e') < 0 && spelt.indexOf('E') < 0;
        if (Double.isInfinite(number) || (isWhole && new BigDecimal(spelt).abs().compareTo(EXACT) > 0)) {
            return spelt;
        }
        BigDecimal shortest = shortest(number);
        String digits = shortest.unscaledValue().abs().toString();
        String sign = number < 0 ? "-" : "";
        int length = digits.length();
        // Position of the decimal point: the number of digits before it.
        int point = length - shortest.scale();
        if (point > 21 || point <= -6) {
            String exponent = (point > 0 ? "e+" : "e-") + Math.abs(point - 1);
            return sign + digits.charAt(0) + (length > 1 ? "." + digits.substring(1) : "") + exponent;
        } else if (point >= length) {
            return sign + digits + "0".repeat(point - length);
        }
        return point > 0
                ? sign + digits.substring(0, point) + "." + digits.substring(point)
                : sign + "0." + "0".repeat(-point) + digits;
    }

    /** The shortest decimal that reads as the given double; the same on every JDK. */
    private static BigDecimal shortest(double number) {
        // Like Java, Jackson writes at least two digits, even where one digit reads as the same double.
        BigDecimal two = new BigDecimal(NumberOutput.toString(number, true)).stripTrailingZeros();
        BigDecimal one = two.round(ONE_DIGIT);
        return two.precision() == 2 && one.doubleValue() == number ? one : two;
    }

    /** Whether a number is exactly zero, and not only rounded to zero as a double. */
    private static boolean isZero(String spelt) {
        for (int i = 0; i < spelt.length(); i++) {
            char c = spelt.charAt(i);
            if (c == 'e' || c == 'E') {
                return true;
            } else if (c >= '1' && c <= '9') {
                return false;
            }
        }
        return true;
    }
}
