package dev.refrain.semantics;

import java.util.List;
import java.util.function.BiConsumer;

/**
 * The fields of a request with one line in place of all lines of a field.
 *
 * @param value null for no line
 */
record ReplacedField(RequestFields others, String name, String value) implements RequestFields {
    @Override
    public String first(String field) {
        return name.equalsIgnoreCase(field) ? value : others.first(field);
    }

    @Override
    public List<String> all(String field) {
        if (!name.equalsIgnoreCase(field)) {
            return others.all(field);
        }
        return value == null ? null : List.of(value);
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        others.forEach((field, lines) -> {
            if (!name.equalsIgnoreCase(field)) {
                action.accept(field, lines);
            }
        });
        if (value != null) {
            action.accept(name, List.of(value));
        }
    }
}
