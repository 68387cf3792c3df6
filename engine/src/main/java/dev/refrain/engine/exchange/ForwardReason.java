package dev.refrain.engine.exchange;

/**
 * Why a request was not answered from the store although it was eligible: a part of the {@code fwd} parameter of
 * RFC 9211, 2.2.
 */
public enum ForwardReason {
    /** There was no entry. */
    MISS("miss"),
    /**
     * There may have been an entry, but the request's {@link dev.refrain.engine.CacheDirectives} did not let it answer.
     */
    REQUEST("request"),
    /** There was an entry, but it had expired. */
    STALE("stale");

    private final String token;

    ForwardReason(String token) {
        this.token = token;
    }

    /** The token for the {@code fwd} parameter of {@code Cache-Status}; never null. */
    public String token() {
        return token;
    }
}
