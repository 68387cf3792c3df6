package dev.refrain.http.config;

/**
 * A name for an API key in the log of requests.
 *
 * @param name the shown name
 * @param sha256 SHA-256 of the key in lower-case hexadecimal, so that the file holds no key
 */
public record LabelSettings(
        @Setting(allowed = "a text of 1 to 64 characters") String name,

        @Setting(allowed = "the SHA-256 of an API key, 64 lower-case hexadecimal digits, used once")
        String sha256) {
    /** Checks the form of name and digest. */
    public LabelSettings {
        InvalidSetting.unless(name != null && !name.isBlank() && name.length() <= 64, "name");
        InvalidSetting.unless(sha256 != null && sha256.matches("[0-9a-f]{64}"), "sha256");
    }
}
