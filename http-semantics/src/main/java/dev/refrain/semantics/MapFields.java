package dev.refrain.semantics;

import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Header fields over a map, for client libraries that keep them in one.
 *
 * @param lines lines by field name, in any case; a field without lines counts as absent
 */
record MapFields(Map<String, List<String>> lines) implements RequestFields {
    @Override
    public String first(String name) {
        List<String> all = all(name);
        return all == null ? null : all.get(0);
    }

    @Override
    public List<String> all(String name) {
        for (Map.Entry<String, List<String>> field : lines.entrySet()) {
            if (field.getKey().equalsIgnoreCase(name) && isSent(field.getValue())) {
                return field.getValue();
            }
        }
        return null;
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        lines.forEach((name, all) -> {
            if (isSent(all)) {
                action.accept(name, all);
            }
        });
    }

    private static boolean isSent(List<String> all) {
        return all != null && !all.isEmpty();
    }
}
