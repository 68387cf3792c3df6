package dev.refrain.engine.internal;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Sets system properties only while a library reads them, because the JVM belongs to the host. Properties that
 * the host has set stay as they are. If several threads run actions at once, the last one to finish restores the
 * old state. Thread-safe.
 */
public final class SystemProperties {
    private final Map<String, String> values;

    // Guarded by this.
    private final Set<String> ours = new HashSet<>();
    private int inside;

    /** @param values the values by name */
    public SystemProperties(Map<String, String> values) {
        this.values = Map.copyOf(values);
    }

    /** An action that needs the properties. */
    @FunctionalInterface
    public interface Action<T, E extends Exception> {
        /** Runs the action. */
        T run() throws E;
    }

    /** Runs an action while the properties are set. */
    public <T, E extends Exception> T doing(Action<T, E> action) throws E {
        enter();
        try {
            return action.run();
        } finally {
            leave();
        }
    }

    /** Like {@link #doing}, without checked exceptions. */
    public <T> T during(Supplier<T> action) {
        return this.<T, RuntimeException>doing(action::get);
    }

    private synchronized void enter() {
        if (inside++ == 0) {
            values.forEach((name, value) -> {
                if (System.getProperty(name) == null) {
                    System.setProperty(name, value);
                    ours.add(name);
                }
            });
        }
    }

    private synchronized void leave() {
        if (--inside == 0) {
            ours.forEach(System::clearProperty);
            ours.clear();
        }
    }
}
