package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What happens to an upstream call whose clients have all gone (wire rule W29). */
public enum OnDisconnect {
    /** The call is finished and its answer stored, so that a retry is a hit. */
    @JsonProperty("finish")
    FINISH,
    /** The call is cancelled. */
    @JsonProperty("cancel")
    CANCEL
}
