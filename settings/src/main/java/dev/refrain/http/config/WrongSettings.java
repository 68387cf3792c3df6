package dev.refrain.http.config;

import java.util.List;

/** All faults of the settings. */
public final class WrongSettings extends Exception {
    private static final long serialVersionUID = 1L;

    private final transient List<String> faults;

    WrongSettings(List<String> faults) {
        super(String.join("; ", faults), null, false, false);
        this.faults = List.copyOf(faults);
    }

    /** A line for each fault, without secrets; at least one. */
    public List<String> faults() {
        return faults;
    }
}
