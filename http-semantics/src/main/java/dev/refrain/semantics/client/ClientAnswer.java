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
 * What a wrapped client's program gets: the provider's answer, or one from the cache. The header says what the cache
 * did (wire rules W20 to W33); it is put together when somebody asks for it, since many programs never do.
 *
 * <p>The body is read by one thread at a time and may be closed by any. It waits for what has not come yet. Whoever
 * closes it early leaves, and the answer is fetched all the same (wire rule W29). The rest is thread-safe.
 */
public final class ClientAnswer implements AutoCloseable {
    private final int status;
    /** Null if the header is there already. The next two as well. */
    private final ResponseHead head;

    private final CacheKey key;
    private final CacheHeaders.Pricing pricing;
    private final byte[] whole;

    /** Null until it is asked for. Threads that race here do the same twice. */
    private volatile Map<String, List<String>> fields;

    /** Null until it is asked for, if it is whole. */
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

    /** One that is whole. */
    static ClientAnswer of(ResponseHead head, CacheKey key, CacheHeaders.Pricing pricing, byte[] whole) {
        return new ClientAnswer(head.status(), head, key, pricing, null, whole, null);
    }

    /** One whose body is still to come. */
    static ClientAnswer of(ResponseHead head, CacheKey key, CacheHeaders.Pricing pricing, InputStream body) {
        return new ClientAnswer(head.status(), head, key, pricing, null, null, body);
    }

    /** One that the cache itself has made. */
    static ClientAnswer of(int status, AnswerFields fields, byte[] whole) {
        return new ClientAnswer(status, null, null, null, fields.fields(), whole, null);
    }

    /** The status, as in RFC 9110. */
    public int status() {
        return status;
    }

    /**
     * The header's lines by the names of their fields, as they were sent or as the contract spells them. Not to be
     * changed.
     */
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

    /** Length of the body in bytes, -1 if that is not known. */
    public long contentLength() {
        return whole != null ? whole.length : Math.max(-1, head.contentLength());
    }

    /** The whole body, if it is there already, as on each hit; else null. Not to be changed. */
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
