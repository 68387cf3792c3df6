package dev.refrain.semantics.answer;

/** The fields of a response that tell of the cache (wire rules W20 to W33). */
public enum CacheField {
    /** HIT or MISS. */
    STATUS("X-OpenRouter-Cache-Status"),
    /** Seconds for which the entry lives on. */
    TTL("X-OpenRouter-Cache-TTL"),
    /** Seconds since the entry was stored. */
    AGE("X-OpenRouter-Cache-Age"),
    /** Generation id of the answer that is repeated. */
    SOURCE_ID("X-OpenRouter-Cache-Source-Id"),
    /** By which nginx, and those that follow it, are told not to hold a response back. */
    ACCEL_BUFFERING("X-Accel-Buffering"),
    /** RFC 9211. */
    STANDARD_STATUS("Cache-Status"),
    /** What a hit spares whoever asked (wire rule W33): tokens. */
    SAVED_TOKENS("X-Refrain-Saved-Tokens"),
    /** Milliseconds. */
    SAVED_MS("X-Refrain-Saved-Ms"),
    /** Money, with its currency. */
    SAVED_COST("X-Refrain-Saved-Cost");

    private final String field;

    CacheField(String field) {
        this.field = field;
    }

    /** The field's name as it is sent. */
    public String field() {
        return field;
    }
}
