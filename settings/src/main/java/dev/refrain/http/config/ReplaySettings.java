package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.refrain.engine.ResponseCache;
import java.nio.file.Path;
import java.util.List;

/**
 * What a hit changes in the stored answer, and whether a stream can be replayed at its original pace.
 *
 * @param zero JSON paths of numbers that become zero besides {@code usage} (wire rule W25), separated by commas, or
 *     {@code none}
 * @param recordPace whether the times of a stream's events are stored (W87)
 */
public record ReplaySettings(
        @Setting(
                value = "x_groq.usage, copilot_usage, *.provider_metadata.*.usage",
                allowed = "JSON paths of names with dots between, separated by commas, such as"
                        + " x_groq.usage, *.provider_metadata.*.usage, 64 names at most in all, or none")
        String zero,

        @Setting(name = "record-pace", value = "false", allowed = "true or false") @JsonProperty("record-pace")
        boolean recordPace) {
    /** Checks the paths. */
    public ReplaySettings {
        try {
            ResponseCache.builder(Path.of("unused")).replayZero(Checks.items(zero));
        } catch (IllegalArgumentException notAPath) {
            InvalidSetting.unless(false, "zero");
        }
    }

    /** The paths of {@link #zero} one by one; empty if it is {@code none}. */
    public List<String> paths() {
        return Checks.items(zero);
    }
}
