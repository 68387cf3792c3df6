package dev.refrain.http.proxy;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The requests that a server as strict as RFC 9112 allows finds in the bytes of a connection, up to the first ambiguous
 * one. Written for clarity; the real server is compared with it. It is lenient in one point, like Undertow: an unknown
 * version such as {@code HTTP/0.1} is read as HTTP/1.1, where a server should answer {@code 505} (RFC 9110, 15.6.6).
 * The framing of such a request is unambiguous.
 */
final class StrictReader {
    /** A request whose end is known. */
    record Request(String method, String target, String body) {}

    private static final String TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
    /** A folded line, which is read as a blank (RFC 9112, 5.2 and 2.2). */
    private static final String FOLD = "\\r\\n?[ \\t]+";

    private static final Set<String> REFUSED_VERSIONS = Set.of("0.9", "2.0");
    private static final Pattern LINE =
            Pattern.compile("(" + TOKEN + ") ([^ \\x00\\r\\n]+) HTTP/([0-9]\\.[0-9])\\r\\n");
    private static final Pattern FIELD =
            Pattern.compile("(" + TOKEN + "):[ \\t]*((?:[^\\x00\\r\\n]|" + FOLD + ")*?)[ \\t]*\\r\\n(?![ \\t])");
    private static final String EXTENSION = "(?:[ \\t]*;[ \\t]*" + TOKEN + "(?:[ \\t]*=[ \\t]*(?:" + TOKEN
            + "|\"(?:[\\t \\x21\\x23-\\x5B\\x5D-\\x7E\\x80-\\xFF]|\\\\[\\t\\x20-\\x7E\\x80-\\xFF])*\"))?)*";
    private static final Pattern SIZE = Pattern.compile("([0-9A-Fa-f]{1,15})" + EXTENSION + "\\r\\n");
    private static final Pattern TRAILERS =
            Pattern.compile("(?:" + TOKEN + ":[\\t\\x20-\\x7E\\x80-\\xFF]*\\r\\n)*\\r\\n");

    private final String bytes;
    private int at;

    private StrictReader(String bytes) {
        this.bytes = bytes;
    }

    /** The requests in the bytes, given as a character for each byte. */
    static List<Request> read(String bytes) {
        StrictReader reader = new StrictReader(bytes);
        List<Request> requests = new ArrayList<>();
        for (Request next = reader.next(); next != null; next = reader.next()) {
            requests.add(next);
        }
        return requests;
    }

    private Matcher take(Pattern pattern) {
        Matcher matcher = pattern.matcher(bytes).region(at, bytes.length());
        if (!matcher.lookingAt()) {
            return null;
        }
        at = matcher.end();
        return matcher;
    }

    /** The next request; null if there is none, or if it is ambiguous. */
    private Request next() {
        while (bytes.startsWith("\r\n", at)) {
            at += 2;
        }
        Matcher line = take(LINE);
        if (line == null || REFUSED_VERSIONS.contains(line.group(3))) {
            return null;
        }
        String length = null;
        String coding = null;
        int hosts = 0;
        while (!bytes.startsWith("\r\n", at)) {
            Matcher field = take(FIELD);
            if (field == null) {
                return null;
            }
            String value = field.group(2).replaceAll(FOLD, " ").strip();
            if (field.group(1).equalsIgnoreCase("Content-Length")) {
                if (length != null || !value.matches("[0-9]{1,9}")) {
                    return null;
                }
                length = value;
            } else if (field.group(1).equalsIgnoreCase("Transfer-Encoding")) {
                if (coding != null || !value.equalsIgnoreCase("chunked")) {
                    return null;
                }
                coding = value;
            } else if (field.group(1).equalsIgnoreCase("Host")) {
                hosts++;
            }
        }
        at += 2;
        boolean old = line.group(3).equals("1.0");
        if (hosts > 1 || (hosts == 0 && !old) || (coding != null && (length != null || old))) {
            return null;
        }
        String body = coding != null ? chunks() : take(length == null ? 0 : Integer.parseInt(length));
        return body == null ? null : new Request(line.group(1), line.group(2), body);
    }

    private String take(long count) {
        if (at + count > bytes.length()) {
            return null;
        }
        at += (int) count;
        return bytes.substring(at - (int) count, at);
    }

    private String chunks() {
        StringBuilder body = new StringBuilder();
        while (true) {
            Matcher size = take(SIZE);
            if (size == null) {
                return null;
            }
            long length = Long.parseLong(size.group(1), 16);
            if (length == 0) {
                return take(TRAILERS) == null ? null : body.toString();
            }
            String data = take(length);
            if (data == null || !bytes.startsWith("\r\n", at)) {
                return null;
            }
            at += 2;
            body.append(data);
        }
    }
}
