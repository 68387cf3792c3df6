package dev.refrain.http.config;

/** Thrown by a settings record for a component whose value has the right type but is not allowed. */
final class InvalidSetting extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String name;

    private InvalidSetting(String name) {
        super(name + " is not allowed");
        this.name = name;
    }

    /** The setting's name as a user writes it, relative to the record that threw. */
    String name() {
        return name;
    }

    static void unless(boolean allowed, String name) {
        if (!allowed) {
            throw new InvalidSetting(name);
        }
    }
}
