package dev.refrain.semantics;

import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * The header fields of one request. Names match in any case. An implementation must allocate nothing on a lookup,
 * because hits look fields up, too. Used by one thread at a time.
 */
public interface RequestFields {
    /**
     * Header fields over a map, for client libraries that keep them in one.
     *
     * @param lines lines by field name, in any case; a field whose list is empty or null counts as absent
     */
    static RequestFields of(Map<String, List<String>> lines) {
        return new MapFields(lines);
    }

    /**
     * A view of these fields in which one line replaces all lines of one field.
     *
     * @param value the new line; null removes the field
     */
    default RequestFields with(String name, String value) {
        return new ReplacedField(this, name, value);
    }

    /** The first line of a field, or null if the request has none. */
    String first(String name);

    /** All lines of a field in the order in which they were sent, or null if the request has none. */
    List<String> all(String name);

    /** Calls the action for each field, with its name as it was sent and all of its lines. */
    void forEach(BiConsumer<String, List<String>> action);
}
