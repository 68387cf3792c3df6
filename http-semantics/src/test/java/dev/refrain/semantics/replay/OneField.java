package dev.refrain.semantics.replay;

import dev.refrain.semantics.RequestFields;
import java.util.List;
import java.util.function.BiConsumer;

/** The header of a request with one field. */
record OneField(String name, String value) implements RequestFields {
    @Override
    public String first(String asked) {
        return asked.equalsIgnoreCase(name) ? value : null;
    }

    @Override
    public List<String> all(String asked) {
        return asked.equalsIgnoreCase(name) ? List.of(value) : null;
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        action.accept(name, List.of(value));
    }
}
