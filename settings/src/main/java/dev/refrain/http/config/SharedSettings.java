package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.semantics.ByteSize;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Pattern;

/**
 * The tier that machines share (wire rules W90 to W92, and W28), on Redis or Valkey.
 *
 * @param uri of the server, or null for no shared tier; may hold a password
 * @param secretFile file with the secret that all machines of the cluster share, or null
 * @param prefix of all keys in the server
 * @param timeout of a lookup; a lookup delays a miss by this time at most
 * @param sendTimeout of a write, which delays no request
 * @param maxAnswer the longest sealed answer that is stored as one value; above that, and up to 16 MiB, an answer is
 *     stored in parts
 * @param mode what this machine does with the shared tier
 * @param coalesce whether machines agree on which of them calls the provider
 * @param maxUnconnected how long local entries are served while removals by other machines cannot arrive, or null for
 *     any time
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record SharedSettings(
        @Setting(
                allowed = "a URI such as redis://cache:6379 or rediss://user:password@cache:6380, and secret-file"
                        + " beside it",
                secret = true)
        String uri,

        @Setting(allowed = "the path of a file, and uri beside it")
        Path secretFile,

        @Setting(value = "refrain", allowed = "1 to 32 of A-Z, a-z, 0-9, '.', '_' and '-'")
        String prefix,

        @Setting(value = "50ms", allowed = Setting.DURATION) Duration timeout,

        @Setting(value = "10s", allowed = Setting.DURATION) Duration sendTimeout,

        @Setting(value = "1MiB", allowed = "a size from 64KiB to 16MiB, such as 1MiB")
        ByteSize maxAnswer,

        @Setting(value = "read-write", allowed = "read-write, read-only or write-only")
        SharedMode mode,

        @Setting(value = "true", allowed = "true or false") boolean coalesce,

        @Setting(allowed = Setting.DURATION_OR_NONE) Duration maxUnconnected) {
    private static final Pattern URI = Pattern.compile("rediss?(-[a-z]+)?://[^\\s/?#]+(/[0-9]{0,5})?(#[^\\s#]+)?");

    /** Checks what the components' types do not. */
    public SharedSettings {
        InvalidSetting.unless(
                uri == null
                        ? secretFile == null
                        : secretFile != null && URI.matcher(uri).matches(),
                uri == null ? "secret-file" : "uri");
        InvalidSetting.unless(prefix.matches("[A-Za-z0-9._-]{1,32}"), "prefix");
        Checks.positive(timeout, "timeout");
        Checks.positive(sendTimeout, "send-timeout");
        InvalidSetting.unless(maxAnswer.bytes() >= 64 << 10 && maxAnswer.bytes() <= 16 << 20, "max-answer");
    }

    /** Without the URI, which may hold a password. */
    @Override
    public String toString() {
        return uri == null ? "nothing is shared" : "shared with prefix " + prefix;
    }
}
