package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.KebabCaseStrategy;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One setting with a value, as opposed to a group of settings.
 *
 * @param group name of its group, or null at the top level
 * @param key its name within the group
 * @param about its description
 * @param scalar whether it has a single value, so that a variable can hold it
 */
record Leaf(String group, String key, Setting about, boolean scalar) {
    static final String VARIABLE_PREFIX = "REFRAIN_";

    private static final KebabCaseStrategy KEBAB_CASE = new KebabCaseStrategy();

    /** All settings, in the order of declaration. */
    static final List<Leaf> ALL = List.copyOf(of(null, Settings.class));

    private static List<Leaf> of(String group, Class<?> type) {
        List<Leaf> leaves = new ArrayList<>();
        for (RecordComponent component : type.getRecordComponents()) {
            String key = KEBAB_CASE.translate(component.getName());
            Setting about = component.getAnnotation(Setting.class);
            if (about == null) {
                leaves.addAll(of(key, component.getType()));
            } else {
                leaves.add(new Leaf(
                        group, about.name().isEmpty() ? key : about.name(), about, component.getType() != List.class));
            }
        }
        return leaves;
    }

    String name() {
        return group == null ? key : group + "." + key;
    }

    String variable() {
        return VARIABLE_PREFIX
                + name().toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    boolean hasFlag() {
        return !about.flag().isEmpty();
    }

    String flag() {
        return "--" + name().replace('.', '-');
    }
}
