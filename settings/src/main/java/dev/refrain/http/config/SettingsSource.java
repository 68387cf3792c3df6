package dev.refrain.http.config;

/** Where the settings of a process come from, to be read again: the file may have changed since. Thread-safe. */
@FunctionalInterface
public interface SettingsSource {
    /**
     * Reads them.
     *
     * @throws WrongSettings if they cannot be used
     */
    Settings read() throws WrongSettings;
}
