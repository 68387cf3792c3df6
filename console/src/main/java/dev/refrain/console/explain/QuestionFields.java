package dev.refrain.console.explain;

import dev.refrain.semantics.RequestFields;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * The header of a request to explain. Names that differ only in case are lines of one field. Nothing is null. Immutable
 * and thread-safe.
 */
public final class QuestionFields implements RequestFields {
    private final Map<String, List<String>> fields = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);

    /** The fields with these names and values. */
    public QuestionFields(Map<String, String> headers) {
        headers.forEach((name, value) ->
                fields.computeIfAbsent(name, none -> new ArrayList<>(1)).add(value));
    }

    @Override
    public String first(String name) {
        List<String> lines = fields.get(name);
        return lines == null ? null : lines.get(0);
    }

    @Override
    public List<String> all(String name) {
        return fields.get(name);
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        fields.forEach(action);
    }
}
