package dev.refrain.semantics;

import java.util.List;
import java.util.function.BiConsumer;

/**
 * The header fields of one request, as far as the rules look at them. Names are found in any case. A look-up allocates
 * nothing, since requests are looked at before it is known that they are hits.
 */
public interface RequestFields {
    /** The first line of a field, or null if the request has none. */
    String first(String name);

    /** All lines of a field in the order in which they were sent, or null if the request has none. */
    List<String> all(String name);

    /** Calls for each field, with its name as it was sent and all of its lines. */
    void forEach(BiConsumer<String, List<String>> action);
}
