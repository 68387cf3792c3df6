package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.semantics.ByteSize;

/**
 * Size limits.
 *
 * @param requestBody largest request body that is accepted at an endpoint
 * @param forwardedBody largest request body on any other path, or null for no limit
 * @param cacheableRequest largest request body that may be cached (wire rule W18)
 * @param storedAnswer largest answer that is stored (W18)
 * @param upstreamCalls calls to providers that may run at the same time
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record LimitSettings(
        @Setting(value = "64MiB", allowed = Setting.SIZE) ByteSize requestBody,

        @Setting(allowed = "a size of at least 1B, such as 64MiB or 2GiB; without it there is no limit")
        ByteSize forwardedBody,

        @Setting(value = "8MiB", allowed = Setting.SIZE) ByteSize cacheableRequest,

        @Setting(value = "16MiB", allowed = "a size from 1B to 256MiB, such as 64KiB or 16MiB")
        ByteSize storedAnswer,

        @Setting(value = "4096", allowed = "a number from 1 to 1000000")
        int upstreamCalls) {

    /** Bodies are held in one array, whose length is an int. */
    private static final ByteSize MAX_BODY = ByteSize.parse("1GiB");
    /** An answer is stored as a template, which can be five times as long as the answer, and whose offsets are ints. */
    private static final ByteSize MAX_ANSWER = ByteSize.parse("256MiB");

    /** Checks the ranges. */
    public LimitSettings {
        checkBody(requestBody, "request-body");
        InvalidSetting.unless(forwardedBody == null || forwardedBody.bytes() > 0, "forwarded-body");
        checkBody(cacheableRequest, "cacheable-request");
        checkBody(storedAnswer, "stored-answer");
        InvalidSetting.unless(storedAnswer.compareTo(MAX_ANSWER) <= 0, "stored-answer");
        InvalidSetting.unless(upstreamCalls >= 1 && upstreamCalls <= 1_000_000, "upstream-calls");
    }

    private static void checkBody(ByteSize size, String name) {
        InvalidSetting.unless(size.bytes() > 0 && size.compareTo(MAX_BODY) <= 0, name);
    }
}
