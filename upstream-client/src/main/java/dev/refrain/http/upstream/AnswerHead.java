package dev.refrain.http.upstream;

import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.AnswerFields;
import dev.refrain.semantics.framing.ConnectionOptions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The head of a provider's answer.
 *
 * @param reason as it was sent, or empty
 * @param fields by field name, in any case; each character stands for a byte
 * @param framing how the end of the body is found
 * @param length of the body in bytes if known, else 0
 */
record AnswerHead(
        boolean isVersion11,
        int status,
        String reason,
        Map<String, List<String>> fields,
        Framing framing,
        long length) {
    private static final int SWITCHING_PROTOCOLS = 101;
    /** Heap of a field beside its characters: two strings, a list and a map entry. */
    private static final int FIELD_BYTES = 200;

    /** How the end of a body is found (RFC 9112, 6.3). */
    enum Framing {
        NONE,
        LENGTH,
        CHUNKS,
        UNTIL_CLOSED
    }

    /**
     * Bytes of memory that fields take, roughly.
     *
     * @param characters of all names and values
     * @param fields number of fields
     */
    static long heldBytes(long characters, long fields) {
        return characters + fields * FIELD_BYTES;
    }

    /** Whether this is an interim answer, so that another head follows. */
    boolean isInterim() {
        return status < 200 && !switchesProtocols();
    }

    /** Whether the connection leaves HTTP after this head. */
    boolean switchesProtocols() {
        return status == SWITCHING_PROTOCOLS;
    }

    /** The head in the engine's form. */
    ResponseHead toResponseHead() {
        String contentLength = first("Content-Length");
        return new ResponseHead(
                status,
                first("Content-Type"),
                contentEncoding(),
                switch (framing) {
                    case LENGTH -> length;
                    case CHUNKS -> -1;
                    case UNTIL_CLOSED -> ResponseHead.ENDS_WITH_CONNECTION;
                    // The length that the body would have had (RFC 9110, 8.6).
                    case NONE ->
                        contentLength == null ? ResponseHead.ENDS_WITH_CONNECTION : Long.parseLong(contentLength);
                },
                generationId(),
                null,
                new AnswerFields(fields, reason, heldBytes()));
    }

    private long heldBytes() {
        long characters = 0;
        long count = 0;
        for (Map.Entry<String, List<String>> field : fields.entrySet()) {
            for (String value : field.getValue()) {
                characters += field.getKey().length() + value.length();
                count++;
            }
        }
        return heldBytes(characters, count);
    }

    private String first(String name) {
        List<String> values = fields.get(name);
        return values == null ? null : values.get(0);
    }

    private String contentEncoding() {
        String codings = String.join(", ", fields.getOrDefault("Content-Encoding", List.of()));
        return codings.isBlank() || codings.equalsIgnoreCase("identity") ? null : codings;
    }

    private String generationId() {
        String id = first("X-Generation-Id");
        return id == null || id.isBlank() ? null : id;
    }

    /** Whether another call may follow on the answer's connection (RFC 9112, 9.3). */
    boolean keepsConnection() {
        return isVersion11
                && framing != Framing.UNTIL_CLOSED
                && !ConnectionOptions.of(fields.get("Connection")).contains("close");
    }

    /**
     * Seconds for which the provider says it keeps an idle connection; negative if it does not say. There is no
     * standard for this field, but servers and clients agree on {@code Keep-Alive: timeout=5, max=100}.
     */
    long keptSeconds() {
        for (String value : fields.getOrDefault("Keep-Alive", List.of())) {
            for (String parameter : value.split(",", -1)) {
                String[] parts = parameter.split("=", 2);
                if (parts.length == 2
                        && parts[0].trim().equalsIgnoreCase("timeout")
                        && parts[1].trim().matches("[0-9]{1,9}")) {
                    return Long.parseLong(parts[1].trim());
                }
            }
        }
        return -1;
    }

    /** Builds a head, line by line. */
    static final class Builder {
        private boolean isVersion11;
        private int status;
        private String reason = "";
        private final Map<String, List<String>> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        /** Values of the previous field, which a folded line continues; null before the first field. */
        private List<String> last;

        /** Begins with a status line (RFC 9112, 4). Without a reason phrase, the blank before it may be missing. */
        static Builder ofStatusLine(String line) throws ProxyException {
            Builder head = new Builder();
            boolean isHttp = line.length() >= 12
                    && (line.startsWith("HTTP/1.1 ") || line.startsWith("HTTP/1.0 "))
                    && (line.length() == 12 || line.charAt(12) == ' ');
            if (!isHttp || !HeaderCharacters.isText(line)) {
                throw ProxyException.malformed("it is not HTTP");
            }
            for (int i = 9; i < 12; i++) {
                int digit = line.charAt(i) - '0';
                if (digit < 0 || digit > 9) {
                    throw ProxyException.malformed("it is not HTTP");
                }
                head.status = 10 * head.status + digit;
            }
            if (head.status < 100) {
                throw ProxyException.malformed("its status is " + head.status);
            }
            head.isVersion11 = line.charAt(7) == '1';
            head.reason = line.length() > 13 ? line.substring(13) : "";
            return head;
        }

        void line(String line) throws ProxyException {
            if (!HeaderCharacters.isText(line)) {
                throw ProxyException.malformed("its header has a control character");
            }
            char first = line.charAt(0);
            if (first == ' ' || first == '\t') {
                if (last == null) {
                    throw ProxyException.malformed("its header begins with a blank");
                }
                last.add((last.remove(last.size() - 1) + " " + line.trim()).trim());
                return;
            }
            int colon = line.indexOf(':');
            // In a response, blanks before the colon must be removed (RFC 9112, 5.1).
            String name = colon < 0 ? line : line.substring(0, colon).stripTrailing();
            if (colon < 0 || !HeaderCharacters.isToken(name)) {
                throw ProxyException.malformed("its header has a line without a proper name");
            }
            last = fields.computeIfAbsent(name, none -> new ArrayList<>(1));
            last.add(line.substring(colon + 1).trim());
        }

        Map<String, List<String>> fields() {
            return Collections.unmodifiableMap(fields);
        }

        /**
         * Returns the complete head.
         *
         * @param answersHead whether the answer has no body, whatever its head says
         * @param mayBecomeWebSocket whether the request was {@linkplain UpstreamRequest#isForWebSocket for a websocket}
         * @throws ProxyException if the head does not say clearly where the body ends
         */
        AnswerHead build(boolean answersHead, boolean mayBecomeWebSocket) throws ProxyException {
            List<String> lengths = fields.getOrDefault("Content-Length", List.of());
            List<String> codings = fields.getOrDefault("Transfer-Encoding", List.of());
            if (status == SWITCHING_PROTOCOLS) {
                // A switch is allowed only to the protocol that was asked for (RFC 9110, 7.8). Fields about a body have
                // no meaning here.
                if (!mayBecomeWebSocket
                        || !ConnectionOptions.of(fields.get("Upgrade")).contains("websocket")) {
                    throw ProxyException.malformed("it switches to a protocol that nobody asked for");
                }
                return new AnswerHead(isVersion11, status, reason, fields(), Framing.UNTIL_CLOSED, 0);
            }
            if (!codings.isEmpty() && !lengths.isEmpty()) {
                throw ProxyException.malformed("it has both a Content-Length and a Transfer-Encoding");
            }
            if (!codings.isEmpty()
                    && (codings.size() > 1 || !codings.get(0).equalsIgnoreCase("chunked") || !isVersion11)) {
                throw ProxyException.malformed("its Transfer-Encoding is not just chunked");
            }
            long length = lengths.isEmpty() ? -1 : length(lengths);
            if (answersHead || status < 200 || status == 204 || status == 304) {
                if (status == 204 && length > 0) {
                    throw ProxyException.malformed("it has a body with status 204");
                }
                return new AnswerHead(isVersion11, status, reason, fields(), Framing.NONE, 0);
            }
            Framing framing = !codings.isEmpty() ? Framing.CHUNKS : length >= 0 ? Framing.LENGTH : Framing.UNTIL_CLOSED;
            return new AnswerHead(isVersion11, status, reason, fields(), framing, Math.max(0, length));
        }

        private static boolean isNumber(String text) {
            for (int i = 0; i < text.length(); i++) {
                if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                    return false;
                }
            }
            return !text.isEmpty();
        }

        private static long length(List<String> lengths) throws ProxyException {
            String length = lengths.get(0);
            // Repeating the same length is allowed.
            if (!Collections.nCopies(lengths.size(), length).equals(lengths) || !isNumber(length)) {
                throw ProxyException.malformed("its Content-Length is not one number");
            }
            try {
                return Long.parseLong(length);
            } catch (NumberFormatException tooLarge) {
                throw ProxyException.malformed("its Content-Length is not one number");
            }
        }
    }
}
