package dev.refrain.http.config;

/** Thrown by a settings record that may have any fields, for one whose name is like that of a component. */
final class MisspeltSetting extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String name;
    private final String meant;

    MisspeltSetting(String name, String meant) {
        super(name + " is like " + meant);
        this.name = name;
        this.meant = meant;
    }

    /** The name that was given, relative to the record that threw. */
    String name() {
        return name;
    }

    /** The name that was probably meant. */
    String meant() {
        return meant;
    }
}
