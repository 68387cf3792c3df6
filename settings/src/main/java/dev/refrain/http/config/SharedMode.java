package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a machine does with the answers that machines share. */
public enum SharedMode {
    /** Looks answers up and sends its own. */
    @JsonProperty("read-write")
    READ_WRITE,
    /** Looks answers up. */
    @JsonProperty("read-only")
    READ_ONLY,
    /** Sends its own. */
    @JsonProperty("write-only")
    WRITE_ONLY
}
