package dev.refrain.semantics.client;

import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.semantics.answer.CacheField;
import dev.refrain.semantics.answer.CacheHeaders;
import dev.refrain.semantics.answer.ResponseFields;
import dev.refrain.semantics.forward.ForwardedFields;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Builds the header of an answer. Used by one thread. */
final class AnswerFields implements ResponseFields {
    private final Map<String, List<String>> fields = new LinkedHashMap<>();
    /** Whether there are fields of the provider, whose names may be in any case. */
    private boolean isForwarded;

    /**
     * The header of a provider's answer, or of one from the cache.
     *
     * @param length of the body in bytes, negative if it is not known
     * @param pricing of the request
     */
    static Map<String, List<String>> of(ResponseHead head, long length, CacheKey key, CacheHeaders.Pricing pricing) {
        AnswerFields made = new AnswerFields();
        if (!head.fields().isEmpty()) {
            ForwardedFields.toClient(head.fields(), true, made::forward);
        }
        if (head.contentType() != null) {
            made.set("Content-Type", head.contentType());
        }
        if (length >= 0) {
            made.set("Content-Length", Long.toString(length));
        }
        if (head.generationId() != null) {
            made.set("X-Generation-Id", head.generationId());
        }
        CacheHeaders.write(head.cache(), key, head.status(), pricing, made);
        return made.fields;
    }

    Map<String, List<String>> fields() {
        return fields;
    }

    private void forward(String name, List<String> lines) {
        isForwarded = true;
        replace(name, lines);
    }

    /** Sets a field of the cache, in place of the provider's lines. */
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
}
