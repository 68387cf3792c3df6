package dev.refrain.console.framing;

import dev.refrain.semantics.RequestFields;
import io.undertow.util.HeaderMap;
import io.undertow.util.HeaderValues;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * A request's header as Undertow has parsed it. A lookup by name copies nothing.
 *
 * @param map of the request
 */
public record HeaderFields(HeaderMap map) implements RequestFields {
    @Override
    public String first(String name) {
        return map.getFirst(name);
    }

    @Override
    public List<String> all(String name) {
        return map.get(name);
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        for (HeaderValues lines : map) {
            action.accept(lines.getHeaderName().toString(), lines);
        }
    }
}
