package dev.refrain.semantics.head;

import dev.refrain.engine.CacheDirectives;
import dev.refrain.engine.KeyContext;
import dev.refrain.semantics.caller.Caller;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * The head of a request that was served, and the parsed result. A client sends the same head many times over a
 * connection; only the length of the body varies. A head with the same bytes, except for the length, means the same and
 * need not be parsed.
 *
 * <p>No byte of the query string and of credential fields is kept, only one keyed hash of them ({@link CredentialMac}).
 */
public final class KnownHead {
    /** Limit of the digits of a body's length. A head with more digits is not recognised. */
    private static final int MAX_DIGITS = 7;

    private static final byte[] LENGTH = "\r\ncontent-length:".getBytes(StandardCharsets.US_ASCII);

    /** The head before the digits of the length; {@link #after} is the rest behind them. */
    private final Part before;

    private final Part after;
    /** A keyed hash of all secret parts. */
    private final byte[] mac;

    private final KeyContext context;
    private final Caller caller;
    private final CacheDirectives directives;
    /** Name of the policy; null if none applies. */
    private final String policy;

    private KnownHead(
            Part before,
            Part after,
            byte[] mac,
            KeyContext context,
            Caller caller,
            CacheDirectives directives,
            String policy) {
        this.before = before;
        this.after = after;
        this.mac = mac;
        this.context = context;
        this.caller = caller;
        this.directives = directives;
        this.policy = policy;
    }

    /**
     * Remembers a head. Null if it does not state its length once and in the usual way, or if a line is folded.
     *
     * @param head of the request, to the end of its empty line; not kept
     * @param length of the body, as parsed
     * @param credentials tells whether a field with a given name holds a credential
     * @param with makes the hash of the secret parts
     * @param policy name of the policy that applies to all requests with this head, whatever their bodies; or null
     */
    public static KnownHead of(
            byte[] head,
            long length,
            Predicate<String> credentials,
            CredentialMac with,
            KeyContext context,
            Caller caller,
            CacheDirectives directives,
            String policy) {
        int digits = digitsOf(head, length);
        List<Span> secrets = digits < 0 ? null : secrets(head, credentials);
        if (secrets == null) {
            return null;
        }
        int rest = digits + Long.toString(length).length();
        Part before = Part.of(head, 0, digits, secrets);
        Part after = Part.of(head, rest, head.length, secrets);
        with.begin();
        before.addSecrets(head, 0, with);
        after.addSecrets(head, rest, with);
        return new KnownHead(before, after, with.end().clone(), context, caller, directives, policy);
    }

    private record Span(int from, int to) {}

    /** Where the query string and the values of credential fields are, in their order; null if a line is folded. */
    private static List<Span> secrets(byte[] head, Predicate<String> credentials) {
        List<Span> found = new ArrayList<>();
        int line = 0;
        for (int i = 1; i < head.length; i++) {
            if (head[i] != '\n') {
                continue;
            }
            int end = i - 1;
            if (line == 0) {
                addQuery(head, end, found);
            } else if (end > line) {
                if (head[line] == ' ' || head[line] == '\t') {
                    return null;
                }
                addValue(head, line, end, credentials, found);
            }
            line = i + 1;
        }
        return found;
    }

    private static void addQuery(byte[] head, int end, List<Span> to) {
        for (int i = 0; i < end; i++) {
            if (head[i] == '?') {
                to.add(new Span(i + 1, end));
                return;
            }
        }
    }

    private static void addValue(byte[] head, int line, int end, Predicate<String> credentials, List<Span> to) {
        for (int i = line; i < end; i++) {
            if (head[i] == ':') {
                String name = new String(head, line, i - line, StandardCharsets.ISO_8859_1).trim();
                if (!name.equalsIgnoreCase("content-length") && credentials.test(name)) {
                    to.add(new Span(i + 1, end));
                }
                return;
            }
        }
    }

    /** Consecutive bytes of a head, in which the secret ones are overwritten with zeros. */
    private static final class Part {
        private final byte[] open;
        /** Begin and end of each secret, alternating. */
        private final int[] secrets;

        private Part(byte[] open, int[] secrets) {
            this.open = open;
            this.secrets = secrets;
        }

        static Part of(byte[] head, int from, int to, List<Span> secrets) {
            byte[] open = Arrays.copyOfRange(head, from, to);
            int[] within = secrets.stream()
                    .filter(span -> span.from() >= from && span.to() <= to)
                    .flatMapToInt(span -> IntStream.of(span.from() - from, span.to() - from))
                    .toArray();
            for (int i = 0; i < within.length; i += 2) {
                Arrays.fill(open, within[i], within[i + 1], (byte) 0);
            }
            return new Part(open, within);
        }

        int length() {
            return open.length;
        }

        /** Whether all bytes that are not secret are equal. */
        boolean matches(byte[] bytes, int start) {
            int from = 0;
            for (int i = 0; i < secrets.length; i += 2) {
                if (!Arrays.equals(bytes, start + from, start + secrets[i], open, from, secrets[i])) {
                    return false;
                }
                from = secrets[i + 1];
            }
            return Arrays.equals(bytes, start + from, start + open.length, open, from, open.length);
        }

        void addSecrets(byte[] bytes, int start, CredentialMac to) {
            for (int i = 0; i < secrets.length; i += 2) {
                to.add(bytes, start + secrets[i], start + secrets[i + 1]);
            }
        }
    }

    /**
     * Where a request's body begins, if its head ends within the first {@code count} bytes and every line ends in CR
     * LF, so that no parser can find another end. Else -1.
     */
    public static int bodyOf(byte[] request, int count) {
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
     * Where the body begins, if the bytes begin with this head, else -1. The caller must still check that the body has
     * the length that the head states.
     *
     * @param count how many bytes of the array are filled
     * @param with makes the hash of the secret parts
     */
    public int match(byte[] request, int count, CredentialMac with) {
        int at = before.length();
        if (count <= at || !before.matches(request, 0)) {
            return -1;
        }
        int end = Math.min(count, at + MAX_DIGITS);
        while (at < end && isDigit(request[at])) {
            at++;
        }
        int body = at + after.length();
        if (body > count || !after.matches(request, at)) {
            return -1;
        }
        // All bytes around the secrets are equal, so the secrets have the same places and lengths as before.
        with.begin();
        before.addSecrets(request, 0, with);
        after.addSecrets(request, at, with);
        return MessageDigest.isEqual(with.end(), mac) ? body : -1;
    }

    /** Length in bytes of the whole request with this head; -1 if its body's length is 0 or has a leading zero. */
    public int lengthOf(byte[] request) {
        int length = 0;
        int at = before.length();
        for (; isDigit(request[at]); at++) {
            length = length * 10 + request[at] - '0';
        }
        return length > 0 && request[before.length()] != '0' ? at + after.length() + length : -1;
    }

    private static boolean isDigit(byte c) {
        return c >= '0' && c <= '9';
    }

    /** What goes into the keys of all requests with this head, beside their bodies. */
    public KeyContext context() {
        return context;
    }

    /** The caller that sends requests with this head. */
    public Caller caller() {
        return caller;
    }

    /** What this head asks of the cache by {@code Cache-Control}. */
    public CacheDirectives directives() {
        return directives;
    }

    /** Name of the policy that applies to requests with this head, or null. */
    public String policy() {
        return policy;
    }
}
