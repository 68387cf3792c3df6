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
     * The fields of a client that has them in a map.
     *
     * @param lines by the names of their fields, in any case; one whose list is empty or null is not sent
     */
    static RequestFields of(Map<String, List<String>> lines) {
        return new MapFields(lines);
    }

    /**
     * The same fields with one line in place of all lines of a field.
     *
     * @param value null for no line
     */
    default RequestFields with(String name, String value) {
        return new ReplacedField(this, name, value);
    }

    /** The first line of a field, or null if the request has none. */
    String first(String name);

    /** All lines of a field in the order in which they were sent, or null if the request has none. */
    List<String> all(String name);

    /** Calls for each field, with its name as it was sent and all of its lines. */
    void forEach(BiConsumer<String, List<String>> action);
}
