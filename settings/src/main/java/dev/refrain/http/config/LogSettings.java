package dev.refrain.http.config;

import dev.refrain.console.log.Logs;

/**
 * How the process logs, on standard error.
 *
 * @param format of a line
 * @param level the least severe level that is logged
 * @param access file that gets a line for each request, {@code -} for standard output, or null for none
 */
public record LogSettings(
        @Setting(value = "text", allowed = "text or json", live = true)
        Logs.Format format,

        @Setting(value = "info", allowed = "error, warn, info or debug", live = true)
        Logs.Threshold level,

        @Setting(allowed = "the path of a file, or - for standard output")
        String access) {
    /** Checks that the file has a name. */
    public LogSettings {
        InvalidSetting.unless(access == null || !access.isBlank(), "access");
    }
}
