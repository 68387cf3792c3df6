package dev.refrain.semantics.client;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.semantics.answer.CacheHeaders;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;

/**
 * The answer that a program gets from its wrapped client: the provider's, or one from the cache. The header says what
 * the cache did (wire rules W20 to W33). It is built on first use, since many programs never read it.
 *
 * <p>One thread at a time reads the body; any thread may close it. A read waits for bytes that have not arrived. If the
 * body is closed early, the answer is fetched to its end all the same (wire rule W29). All else is thread-safe.
 */
public final class ClientAnswer implements AutoCloseable {
    private final int status;
    /** The answer's head. It and the next two fields are null if the header was given ready-made. */
    private final ResponseHead head;

    private final CacheKey key;
    private final CacheHeaders.Pricing pricing;
    private final byte[] whole;

    /** The header; null until its first use. Racing threads may build it twice, with equal results. */
    private volatile Map<String, List<String>> fields;

    /** The body as a stream; null until its first use if {@link #whole} is set. */
    private InputStream body;

    private ClientAnswer(
            int status,
            ResponseHead head,
            CacheKey key,
            CacheHeaders.Pricing pricing,
            Map<String, List<String>> fields,
            byte[] whole,
            InputStream body) {
        this.status = status;
        this.head = head;
        this.key = key;
        this.pricing = pricing;
        this.fields = fields;
        this.whole = whole;
        this.body = body;
    }

    /** An answer with its whole body. */
    static ClientAnswer of(ResponseHead head, CacheKey key, CacheHeaders.Pricing pricing, byte[] whole) {
        return new ClientAnswer(head.status(), head, key, pricing, null, whole, null);
    }

    /** An answer whose body is still arriving. */
    static ClientAnswer of(ResponseHead head, CacheKey key, CacheHeaders.Pricing pricing, InputStream body) {
        return new ClientAnswer(head.status(), head, key, pricing, null, null, body);
    }

    /** An answer that the cache itself made, such as an error. */
    static ClientAnswer of(int status, AnswerFields fields, byte[] whole) {
        return new ClientAnswer(status, null, null, null, fields.fields(), whole, null);
    }

    /** The status, as in RFC 9110. */
    public int status() {
        return status;
    }

    /** The header's lines by field name, spelt as sent or as in the wire contract. Must not be changed. */
    public Map<String, List<String>> fields() {
        Map<String, List<String>> known = fields;
        if (known == null) {
            known = AnswerFields.of(head, whole == null ? head.contentLength() : whole.length, key, pricing);
            fields = known;
        }
        return known;
    }

    /** The first line of a field, whose name matches in any case; null if there is none. */
    public String field(String name) {
        for (Map.Entry<String, List<String>> field : fields().entrySet()) {
            if (field.getKey().equalsIgnoreCase(name)) {
                return field.getValue().get(0);
            }
        }
        return null;
    }

    /** Length of the body in bytes, -1 if unknown. */
    public long contentLength() {
        return whole != null ? whole.length : Math.max(-1, head.contentLength());
    }

    /** The whole body if it has arrived, as on each hit; else null. Must not be changed. */
    public byte[] whole() {
        return whole;
    }

    /** The body; always the same stream. */
    public InputStream body() {
        if (body == null) {
            body = new ByteArrayInputStream(whole);
        }
        return body;
    }

    /** Closes the body. */
    @Override
    public void close() {
        if (whole == null) {
            try {
                body.close();
            } catch (IOException e) {
                throw new IllegalStateException("closing what is in memory cannot fail", e);
            }
        }
    }
}
