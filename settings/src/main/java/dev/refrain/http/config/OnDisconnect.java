package dev.refrain.http.config;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What becomes of an upstream call when nobody waits for its answer any more (wire rule W29). */
public enum OnDisconnect {
    /** The call is finished and its answer stored, so that the retry is a hit. */
    @JsonProperty("finish")
    FINISH,
    /** The call is cancelled. */
    @JsonProperty("cancel")
    CANCEL
}
