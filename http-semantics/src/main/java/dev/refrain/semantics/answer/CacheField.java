package dev.refrain.semantics.answer;

/** The response fields about the cache (wire rules W20 to W33). */
public enum CacheField {
    /** HIT or MISS. */
    STATUS("X-OpenRouter-Cache-Status"),
    /** Seconds until the entry expires. */
    TTL("X-OpenRouter-Cache-TTL"),
    /** Seconds since the entry was stored. */
    AGE("X-OpenRouter-Cache-Age"),
    /** Generation id of the stored answer that a hit replays. */
    SOURCE_ID("X-OpenRouter-Cache-Source-Id"),
    /** Tells nginx, and servers that follow it, not to buffer a response. */
    ACCEL_BUFFERING("X-Accel-Buffering"),
    /** The standard field, RFC 9211. */
    STANDARD_STATUS("Cache-Status"),
    /** The tokens that a hit saves (wire rule W33). */
    SAVED_TOKENS("X-Refrain-Saved-Tokens"),
    /** The milliseconds that a hit saves. */
    SAVED_MS("X-Refrain-Saved-Ms"),
    /** The money that a hit saves, with its currency. */
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
