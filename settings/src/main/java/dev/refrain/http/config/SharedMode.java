package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a machine does with the shared tier. */
public enum SharedMode {
    /** Looks up answers, and sends its own. */
    @JsonProperty("read-write")
    READ_WRITE,
    /** Only looks up answers. */
    @JsonProperty("read-only")
    READ_ONLY,
    /** Only sends its own answers. */
    @JsonProperty("write-only")
    WRITE_ONLY
}
