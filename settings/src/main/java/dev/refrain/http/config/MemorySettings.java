package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.semantics.ByteSize;

/**
 * Direct memory beside the cache's file; allocated as needed.
 *
 * @param hotAnswers bytes for copies of the most frequent answers, or null for the engine's default
 * @param knownRequests bytes for recurring requests, or null for the engine's default
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record MemorySettings(
        @Setting(allowed = Setting.MEMORY_OR_NONE) ByteSize hotAnswers,

        @Setting(allowed = Setting.MEMORY_OR_NONE) ByteSize knownRequests) {

    private static final ByteSize MIN = ByteSize.parse("1MiB");
    private static final ByteSize MAX = ByteSize.parse("16GiB");

    /** Checks the ranges. */
    public MemorySettings {
        check(hotAnswers, "hot-answers");
        check(knownRequests, "known-requests");
    }

    private static void check(ByteSize size, String name) {
        InvalidSetting.unless(
                size == null || size.bytes() == 0 || (size.compareTo(MIN) >= 0 && size.compareTo(MAX) <= 0), name);
    }
}
