package dev.refrain.http.config;

/** Reads the settings of a process again, since their file may have changed. Thread-safe. */
@FunctionalInterface
public interface SettingsSource {
    /**
     * Reads the settings.
     *
     * @throws WrongSettings if they cannot be used
     */
    Settings read() throws WrongSettings;
}
