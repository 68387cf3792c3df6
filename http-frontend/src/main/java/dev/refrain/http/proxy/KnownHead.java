package dev.refrain.http.proxy;

import dev.refrain.engine.CacheDirectives;
import dev.refrain.engine.Endpoint;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The head of a request that was served, and what had been made of it. Clients send the same head again and again over a connection, but for
 * the length of the body; a head that is the same byte for byte but for that means the same, and need not be parsed.
 */
final class KnownHead {
    /** Of a length; no request that is looked at here is as long. */
    private static final int MAX_DIGITS = 7;

    private static final byte[] LENGTH = "\r\ncontent-length:".getBytes(StandardCharsets.US_ASCII);

    private final byte[] before;
    private final byte[] after;
    private final Endpoint endpoint;
    private final String apiKey;
    private final String upstream;
    private final String query;
    private final CacheDirectives directives;

    private KnownHead(
            byte[] before,
            byte[] after,
            Endpoint endpoint,
            String apiKey,
            String upstream,
            String query,
            CacheDirectives directives) {
        this.before = before;
        this.after = after;
        this.endpoint = endpoint;
        this.apiKey = apiKey;
        this.upstream = upstream;
        this.query = query;
        this.directives = directives;
    }

    /**
     * A head, if it says its length once and in the usual way; else null.
     *
     * @param length of the body, as it was understood
     * @param upstream identity of the provider that the request would go to
     * @param query as sent
     */
    static KnownHead of(
            byte[] head,
            long length,
            Endpoint endpoint,
            String apiKey,
            String upstream,
            String query,
            CacheDirectives directives) {
        int digits = digitsOf(head, length);
        return digits < 0
                ? null
                : new KnownHead(
                        Arrays.copyOf(head, digits),
                        Arrays.copyOfRange(head, digits + Long.toString(length).length(), head.length),
                        endpoint,
                        apiKey,
                        upstream,
                        query,
                        directives);
    }

    /**
     * Where a request's body begins, if its head ends within the first {@code count} bytes, and if nobody can think that it ends elsewhere: no
     * line ends in another way than the standard's. Else -1.
     */
    static int bodyOf(byte[] request, int count) {
        for (int i = 1; i < count; i++) {
            if ((request[i] == '\n') != (request[i - 1] == '\r')) {
                return -1;
            }
            if (request[i] == '\n' && i > 2 && request[i - 2] == '\n') {
                return i + 1;
            }
        }
        return -1;
    }

    private static int digitsOf(byte[] head, long length) {
        int found = -1;
        for (int i = 0; i + LENGTH.length < head.length; i++) {
            if (head[i] == '\r' && isLengthAt(head, i)) {
                if (found >= 0) {
                    return -1;
                }
                found = i + LENGTH.length;
            }
        }
        if (found < 0) {
            return -1;
        }
        int at = head[found] == ' ' ? found + 1 : found;
        byte[] digits = (length + "\r").getBytes(StandardCharsets.US_ASCII);
        return at + digits.length <= head.length
                        && Arrays.equals(head, at, at + digits.length, digits, 0, digits.length)
                ? at
                : -1;
    }

    private static boolean isLengthAt(byte[] head, int at) {
        for (int i = 0; i < LENGTH.length; i++) {
            byte c = head[at + i];
            if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != LENGTH[i]) {
                return false;
            }
        }
        return true;
    }

    /**
     * Where the body begins, if the bytes begin with this head, else -1. It is another request if the body is not as long as this says.
     *
     * @param count how many bytes there are
     */
    int match(byte[] request, int count) {
        int at = before.length;
        if (count <= at || !Arrays.equals(request, 0, at, before, 0, at)) {
            return -1;
        }
        int end = Math.min(count, at + MAX_DIGITS);
        while (at < end && isDigit(request[at])) {
            at++;
        }
        int body = at + after.length;
        return body <= count && Arrays.equals(request, at, body, after, 0, after.length) ? body : -1;
    }

    /** The length that a request has which begins with this head; -1 if it says nothing that is usual. */
    int lengthOf(byte[] request) {
        int length = 0;
        int at = before.length;
        for (; isDigit(request[at]); at++) {
            length = length * 10 + request[at] - '0';
        }
        return length > 0 && request[before.length] != '0' ? at + after.length + length : -1;
    }

    private static boolean isDigit(byte c) {
        return c >= '0' && c <= '9';
    }

    Endpoint endpoint() {
        return endpoint;
    }

    String apiKey() {
        return apiKey;
    }

    String upstream() {
        return upstream;
    }

    String query() {
        return query;
    }

    CacheDirectives directives() {
        return directives;
    }
}
