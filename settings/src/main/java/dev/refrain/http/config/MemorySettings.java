package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.semantics.ByteSize;

/**
 * What is kept in memory beside the cache's file, outside the heap; taken as it is needed.
 *
 * @param hotAnswers for copies of the answers that are asked for most, or null for what the engine takes unless told
 * @param knownRequests for requests that come again and again, or null likewise
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
