package dev.refrain.http.config;

/** Thrown by a settings record that accepts any field, for a field whose name resembles a component's. */
final class MisspeltSetting extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String name;
    private final String meant;

    MisspeltSetting(String name, String meant) {
        super(name + " is like " + meant);
        this.name = name;
        this.meant = meant;
    }

    /** The given name, relative to the record that threw. */
    String name() {
        return name;
    }

    /** The name that was probably meant. */
    String meant() {
        return meant;
    }
}
