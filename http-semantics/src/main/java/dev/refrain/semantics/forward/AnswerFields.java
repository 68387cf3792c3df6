package dev.refrain.semantics.forward;

import java.util.AbstractMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The header fields of a provider's answer, and what else of it only crosses the proxy: the reason phrase and, once the
 * answer is complete, its trailer fields. Read by the client's end of the proxy alone.
 *
 * <p>Whoever sees the answer's end sees the trailer that was set before it.
 */
public final class AnswerFields extends AbstractMap<String, List<String>> {
    private final Map<String, List<String>> fields;
    private final String reason;
    private final long heldBytes;
    private volatile Map<String, List<String>> trailers = Map.of();

    /**
     * The fields of an answer.
     *
     * @param fields by name, whatever its case
     * @param reason as it was sent, or empty
     * @param heldBytes memory that they take, about
     */
    public AnswerFields(Map<String, List<String>> fields, String reason, long heldBytes) {
        this.fields = fields;
        this.reason = reason;
        this.heldBytes = heldBytes;
    }

    /** Memory that they take, about, in bytes; without trailers. */
    public long heldBytes() {
        return heldBytes;
    }

    /** The reason phrase, empty if there was none. */
    public String reason() {
        return reason;
    }

    /** Empty until they are known, and if there are none. */
    public Map<String, List<String>> trailers() {
        return trailers;
    }

    /** To be called before the answer's end is passed on. */
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
