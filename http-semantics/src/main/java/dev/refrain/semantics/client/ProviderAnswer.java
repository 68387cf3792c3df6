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
 * @param fields the header's lines by the names of their fields, in any case
 * @param body read to its end by one thread at a time, and closed once; {@link InputStream#close} gives the connection
 *     back. A cut body has to throw, where that can be told
 */
public record ProviderAnswer(int status, Map<String, List<String>> fields, InputStream body) {
    /**
     * One that the client has read, and perhaps decoded: its length is the one that it has now.
     *
     * @param sent the header's lines, which may be of the answer as it was
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

    /** A body whose end is not known ends with its connection: a cut would look the same. */
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
