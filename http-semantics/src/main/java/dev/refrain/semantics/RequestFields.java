package dev.refrain.semantics;

import java.util.List;
import java.util.function.BiConsumer;

/**
 * The header fields of one request. Names match in any case. An implementation must allocate nothing on a lookup,
 * because hits look fields up, too. Used by one thread at a time.
 */
public interface RequestFields {
    /** The first line of a field, or null if the request has none. */
    String first(String name);

    /** All lines of a field in the order in which they were sent, or null if the request has none. */
    List<String> all(String name);

    /** Calls for each field, with its name as it was sent and all of its lines. */
    void forEach(BiConsumer<String, List<String>> action);
}
