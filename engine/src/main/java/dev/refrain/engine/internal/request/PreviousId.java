package dev.refrain.engine.internal.request;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.refrain.engine.exchange.Endpoint;
import java.io.IOException;

/**
 * The id of the earlier answer that a request continues: {@code previous_response_id} of Responses,
 * {@code thread.previous_message_id} of Messages.
 */
public final class PreviousId {
    /**
     * Limit of {@code thread}, in bytes. A longer one is ignored: real ones have one or two short members. The limit
     * bounds the memory of the parser.
     */
    private static final int MAX_THREAD = 16 * 1024;

    private final byte[] bytes;
    private final int bodyStart;
    private final int bodyEnd;
    /** Index of the string in the array, quotes included. */
    private final int start;

    private final int end;
    private final String id;

    private PreviousId(byte[] bytes, int bodyStart, int bodyEnd, int start, int end, String id) {
        this.bytes = bytes;
        this.bodyStart = bodyStart;
        this.bodyEnd = bodyEnd;
        this.start = start;
        this.end = end;
        this.id = id;
    }

    /** The id in a request, or null if there is none. */
    public static PreviousId of(Endpoint endpoint, RequestScan body) {
        return switch (endpoint) {
            case RESPONSES -> body.fields().previousResponse();
            case MESSAGES -> body.fields().thread();
            default -> null;
        };
    }

    static PreviousId ofString(byte[] bytes, int bodyStart, int bodyEnd, int start, int end, String id) {
        return new PreviousId(bytes, bodyStart, bodyEnd, start, end, id);
    }

    /**
     * The id in the well-formed object at {@code start}, or null if there is none. If there are several, the
     * last one counts.
     */
    static PreviousId inThread(byte[] bytes, int bodyStart, int bodyEnd, int start) {
        PreviousId found = null;
        // The factory is not shared, because it keeps names, and clients choose them.
        JsonFactory json = JsonFactory.builder()
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .build();
        try (JsonParser parser = json.createParser(bytes, start, Math.min(bodyEnd - start, MAX_THREAD))) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                boolean isIt = parser.currentName().equals("previous_message_id");
                JsonToken token = parser.nextToken();
                if (isIt) {
                    found = null;
                    if (token == JsonToken.VALUE_STRING) {
                        int from = start + (int) parser.currentTokenLocation().getByteOffset();
                        String text = parser.getText();
                        int to = start + (int) parser.currentLocation().getByteOffset();
                        found = new PreviousId(bytes, bodyStart, bodyEnd, from, to, text);
                    }
                }
                parser.skipChildren();
            }
            return found;
        } catch (IOException e) {
            // The thread is too long, or has an unpaired surrogate in a name, which only RequestScan accepts.
            // It is ignored.
            return null;
        }
    }

    /** The id, with its escapes resolved. */
    public String id() {
        return id;
    }

    /** A copy of the body in which {@code inner} stands between the quotes in place of this id. */
    public byte[] replacedBy(byte[] inner) {
        int before = start + 1 - bodyStart;
        byte[] body = new byte[before + inner.length + bodyEnd - end + 1];
        System.arraycopy(bytes, bodyStart, body, 0, before);
        System.arraycopy(inner, 0, body, before, inner.length);
        System.arraycopy(bytes, end - 1, body, before + inner.length, bodyEnd - end + 1);
        return body;
    }
}
