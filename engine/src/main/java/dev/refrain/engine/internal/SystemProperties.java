package dev.refrain.engine.internal;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Properties of the JVM that a library reads once, set while it does so and at no other time: the JVM is the host's. What the host has set
 * stays as it is. Several threads may be at it at once; the last one to leave puts back what was there. Thread-safe.
 */
public final class SystemProperties {
    private final Map<String, String> values;

    // Guarded by this.
    private final Set<String> ours = new HashSet<>();
    private int inside;

    /** @param values by name */
    public SystemProperties(Map<String, String> values) {
        this.values = Map.copyOf(values);
    }

    /** What is to be done meanwhile. */
    @FunctionalInterface
    public interface Action<T, E extends Exception> {
        /** Does it. */
        T run() throws E;
    }

    /** Does something while the properties are set. */
    public <T, E extends Exception> T doing(Action<T, E> action) throws E {
        enter();
        try {
            return action.run();
        } finally {
            leave();
        }
    }

    /** The same for what fails in no checked way. */
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
