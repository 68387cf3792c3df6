package dev.refrain.semantics.framing;

import dev.refrain.semantics.RequestFields;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Refuses requests whose end is ambiguous (RFC 9112, 6). The server must already have refused malformed requests,
 * several lengths, and a length beside a transfer coding. Chunked bodies are checked as they are read
 * ({@link ChunkGrammar}). Stateless.
 */
public final class FramingRules {
    private static final int BAD_REQUEST = 400;
    private static final int EXPECTATION_FAILED = 417;
    private static final int NOT_IMPLEMENTED = 501;

    /** A length of more digits could overflow a long, and servers do not check that. */
    private static final int MAX_LENGTH_DIGITS = 18;

    /** RFC 9112, 2.3. */
    private static final Pattern VERSION = Pattern.compile("HTTP/1\\.[0-9]");

    private static final String CURRENT = "HTTP/1.1";
    private static final String ONLY_CHUNKED = "The only supported transfer coding is chunked.";

    private FramingRules() {}

    /** Whether a version is one of HTTP/1. An answer must not echo any other version. */
    public static boolean isVersion(String protocol) {
        return VERSION.matcher(protocol).matches();
    }

    /**
     * Why a request must be refused, or null. After a refusal the connection must be closed.
     *
     * @param protocol the version as it was sent
     * @param target the path as it was sent
     * @param query as it was sent, or empty
     */
    public static FramingFault fault(String protocol, String target, String query, RequestFields fields) {
        List<String> codings = fields.all("Transfer-Encoding");
        String length = fields.first("Content-Length");
        String expectation = fields.first("Expect");
        boolean isCurrent = protocol.equals(CURRENT);
        if (!isVersion(protocol)) {
            return new FramingFault(BAD_REQUEST, "The HTTP version is not supported; send HTTP/1.1.");
        }
        if (hasControls(target) || hasControls(query)) {
            // Another server may take a control character for the end of the line.
            return new FramingFault(BAD_REQUEST, "The request target holds a control character.");
        }
        if (codings != null) {
            if (!isCurrent) {
                return new FramingFault(BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding; send a Content-Length.");
            }
            if (codings.size() != 1 || !codings.get(0).equalsIgnoreCase("chunked")) {
                return new FramingFault(NOT_IMPLEMENTED, ONLY_CHUNKED);
            }
        } else if (length != null && length.length() > MAX_LENGTH_DIGITS) {
            return new FramingFault(BAD_REQUEST, "The Content-Length is too large.");
        }
        if (expectation != null && isCurrent && !expectation.equalsIgnoreCase("100-continue")) {
            return new FramingFault(EXPECTATION_FAILED, "The only supported expectation is 100-continue.");
        }
        return null;
    }

    private static boolean hasControls(String target) {
        for (int i = 0; i < target.length(); i++) {
            char c = target.charAt(i);
            if (c <= ' ' || c == 0x7F) {
                return true;
            }
        }
        return false;
    }
}
