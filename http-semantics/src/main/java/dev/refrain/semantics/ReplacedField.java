package dev.refrain.semantics;

import java.util.List;
import java.util.function.BiConsumer;

/**
 * A view of a request's fields in which one line replaces all lines of one field.
 *
 * @param value the new line; null removes the field
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
