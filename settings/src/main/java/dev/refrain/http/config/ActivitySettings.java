package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.semantics.ByteSize;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The log of requests.
 *
 * @param file that holds the log, or null for one beside the store
 * @param maxSize size on disk; 0 for no log
 * @param maxAge after which the log drops a request
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record ActivitySettings(
        @Setting(allowed = "the path of a file") Path file,

        @Setting(value = "256MiB", allowed = "0 or a size of at least 16MiB, such as 256MiB or 1GiB")
        ByteSize maxSize,

        @Setting(value = "720h", allowed = Setting.DURATION) Duration maxAge) {
    private static final ByteSize MIN_SIZE = ByteSize.parse("16MiB");

    /** Checks the ranges. */
    public ActivitySettings {
        InvalidSetting.unless(file == null || !file.toString().isEmpty(), "file");
        InvalidSetting.unless(maxSize.bytes() == 0 || maxSize.compareTo(MIN_SIZE) >= 0, "max-size");
        Checks.positive(maxAge, "max-age");
    }
}
