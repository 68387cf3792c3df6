package dev.refrain.semantics.client;

import dev.refrain.semantics.answer.CacheField;
import dev.refrain.semantics.answer.ResponseFields;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a wrapped client's program gets: the provider's answer, or one from the cache. The header says what the cache
 * did (wire rules W20 to W33).
 *
 * <p>The body is read by one thread at a time and may be closed by any. It waits for what has not come yet. Whoever
 * closes it early leaves, and the answer is fetched all the same (wire rule W29).
 */
public final class ClientAnswer implements AutoCloseable, ResponseFields {
    private final int status;
    private final Map<String, List<String>> fields = new LinkedHashMap<>();
    private final byte[] whole;
    private final InputStream body;
    /** Whether there are fields of the provider's, whose names may be spelt in any way. */
    private boolean isForwarded;

    ClientAnswer(int status, byte[] whole, InputStream body) {
        this.status = status;
        this.whole = whole;
        this.body = body;
    }

    /** The status, as in RFC 9110. */
    public int status() {
        return status;
    }

    /** The header's lines by the names of their fields, as they were sent or as the contract spells them. */
    public Map<String, List<String>> fields() {
        return fields;
    }

    /** The first line of a field, whose name matches in any case; null if there is none. */
    public String field(String name) {
        for (Map.Entry<String, List<String>> field : fields.entrySet()) {
            if (field.getKey().equalsIgnoreCase(name)) {
                return field.getValue().get(0);
            }
        }
        return null;
    }

    /** Length of the body in bytes, -1 if that is not known. */
    public long contentLength() {
        String length = field("Content-Length");
        return length == null ? -1 : Long.parseLong(length);
    }

    /** The whole body, if it is there already, as on each hit; else null. Not to be changed. */
    public byte[] whole() {
        return whole;
    }

    /** The body; always the same stream. */
    public InputStream body() {
        return body;
    }

    /** A field of the provider's. */
    void forward(String name, List<String> lines) {
        isForwarded = true;
        replace(name, lines);
    }

    /** A field of the cache's own, in place of what the provider has sent. */
    void set(String name, String value) {
        replace(name, List.of(value));
    }

    private void replace(String name, List<String> lines) {
        if (isForwarded) {
            fields.keySet().removeIf(other -> other.equalsIgnoreCase(name));
        }
        fields.put(name, lines);
    }

    @Override
    public void put(CacheField field, String value) {
        set(field.field(), value);
    }

    @Override
    public void add(CacheField field, String value) {
        if (!isForwarded) {
            set(field.field(), value);
            return;
        }
        List<String> lines = new ArrayList<>(2);
        for (Map.Entry<String, List<String>> sent : fields.entrySet()) {
            if (sent.getKey().equalsIgnoreCase(field.field())) {
                lines.addAll(sent.getValue());
            }
        }
        lines.add(value);
        replace(field.field(), lines);
    }

    static InputStream streamOf(byte[] bytes) {
        return new ByteArrayInputStream(bytes);
    }

    /** Closes the body. */
    @Override
    public void close() {
        try {
            body.close();
        } catch (IOException e) {
            throw new IllegalStateException("closing what is in memory cannot fail", e);
        }
    }
}
