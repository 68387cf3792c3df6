package dev.refrain.semantics.forward;

import java.util.AbstractMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The header fields of a provider's answer, with the other parts that are only forwarded: the reason phrase and, once
 * the answer is complete, its trailer fields. Only the client's end of the proxy reads these parts.
 *
 * <p>A thread that has seen the answer's end also sees the trailer fields that were set before it.
 */
public final class AnswerFields extends AbstractMap<String, List<String>> {
    private final Map<String, List<String>> fields;
    private final String reason;
    private final long heldBytes;
    private volatile Map<String, List<String>> trailers = Map.of();

    /**
     * The fields of an answer.
     *
     * @param fields by field name, in any case
     * @param reason as it was sent, or empty
     * @param heldBytes bytes of memory that the fields take, roughly
     */
    public AnswerFields(Map<String, List<String>> fields, String reason, long heldBytes) {
        this.fields = fields;
        this.reason = reason;
        this.heldBytes = heldBytes;
    }

    /** Bytes of memory that the fields take, roughly; without trailer fields. */
    public long heldBytes() {
        return heldBytes;
    }

    /** The reason phrase, empty if there was none. */
    public String reason() {
        return reason;
    }

    /** The trailer fields; empty until they are known, and if there are none. */
    public Map<String, List<String>> trailers() {
        return trailers;
    }

    /** Sets the trailer fields. Must be called before the answer's end is passed on. */
    public void trailers(Map<String, List<String>> ofAnswer) {
        trailers = ofAnswer;
    }

    @Override
    public Set<Entry<String, List<String>>> entrySet() {
        return fields.entrySet();
    }

    @Override
    public List<String> get(Object name) {
        return fields.get(name);
    }

    @Override
    public boolean containsKey(Object name) {
        return fields.containsKey(name);
    }
}
