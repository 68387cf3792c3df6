package dev.refrain.semantics.client;

import dev.refrain.engine.exchange.ResponseHead;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A provider's answer as a wrapped client gives it.
 *
 * @param status as in RFC 9110
 * @param fields the header's lines by field name, in any case
 * @param body read to its end by one thread at a time, and closed once; {@link InputStream#close} gives the connection
 *     back. A truncated body has to throw, where the client can tell
 */
public record ProviderAnswer(int status, Map<String, List<String>> fields, InputStream body) {
    /**
     * An answer that the client has read, and perhaps decoded. {@code Content-Length} is set to the body's length.
     *
     * @param sent the header's lines as the provider sent them
     * @param body null for an empty one
     */
    public static ProviderAnswer of(int status, Map<String, List<String>> sent, byte[] body) {
        byte[] bytes = body == null ? new byte[0] : body;
        Map<String, List<String>> fields = new LinkedHashMap<>(sent);
        fields.keySet().removeIf("Content-Length"::equalsIgnoreCase);
        fields.keySet().removeIf("Transfer-Encoding"::equalsIgnoreCase);
        fields.put("Content-Length", List.of(Integer.toString(bytes.length)));
        return new ProviderAnswer(status, fields, new ByteArrayInputStream(bytes));
    }

    ResponseHead head() {
        String contentType = null;
        String coding = null;
        String id = null;
        String length = null;
        boolean isChunked = false;
        for (Map.Entry<String, List<String>> field : fields.entrySet()) {
            String value = field.getValue().isEmpty() ? "" : field.getValue().get(0);
            switch (field.getKey().toLowerCase(Locale.ROOT)) {
                case "content-type" -> contentType = value;
                case "content-encoding" -> coding = String.join(", ", field.getValue());
                case "content-length" -> length = value;
                case "transfer-encoding" -> isChunked = true;
                case "x-generation-id" -> id = value.isBlank() ? null : value;
                default -> {}
            }
        }
        return new ResponseHead(
                status,
                contentType,
                coding == null || coding.isBlank() || coding.equalsIgnoreCase("identity") ? null : coding,
                length(length, isChunked),
                id,
                null,
                fields);
    }

    /** A body with neither length nor chunks ends with its connection, where a truncated body looks complete. */
    private static long length(String field, boolean isChunked) {
        if (field == null || isChunked) {
            return isChunked ? -1 : ResponseHead.ENDS_WITH_CONNECTION;
        }
        try {
            return Long.parseLong(field.strip());
        } catch (NumberFormatException none) {
            return ResponseHead.ENDS_WITH_CONNECTION;
        }
    }
}
