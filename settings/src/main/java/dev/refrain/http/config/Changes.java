package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.KebabCaseStrategy;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Finds the settings that differ before and after a reload. Stateless. */
public final class Changes {
    private static final KebabCaseStrategy KEBAB_CASE = new KebabCaseStrategy();

    private Changes() {}

    /** Names of the changed settings that a running process applies, in their order. */
    public static List<String> applied(Settings before, Settings after) {
        return names(before, after, true);
    }

    /** Names of the changed settings that take effect only at the next start, in their order. */
    public static List<String> needRestart(Settings before, Settings after) {
        return names(before, after, false);
    }

    private static List<String> names(Settings before, Settings after, boolean live) {
        List<String> names = new ArrayList<>();
        add(null, before, after, live, names);
        return names;
    }

    private static void add(String group, Record before, Record after, boolean live, List<String> to) {
        for (RecordComponent component : before.getClass().getRecordComponents()) {
            Setting about = component.getAnnotation(Setting.class);
            String key = KEBAB_CASE.translate(component.getName());
            Object was = value(before, component);
            Object is = value(after, component);
            if (about == null) {
                add(key, (Record) was, (Record) is, live, to);
            } else if (about.live() == live && !Objects.equals(was, is)) {
                String name = about.name().isEmpty() ? key : about.name();
                to.add(group == null ? name : group + "." + name);
            }
        }
    }

    private static Object value(Record of, RecordComponent component) {
        try {
            return component.getAccessor().invoke(of);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("components of public records can be read", e);
        }
    }
}
