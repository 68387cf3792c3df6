package dev.refrain.semantics.policy;

import dev.refrain.semantics.RequestFields;
import java.util.List;
import java.util.function.BiConsumer;

/** The header of a request without fields. */
enum NoFields implements RequestFields {
    INSTANCE;

    @Override
    public String first(String name) {
        return null;
    }

    @Override
    public List<String> all(String name) {
        return null;
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {}
}
