package dev.refrain.engine.exchange;

/** Why a request for which caching was on, or its answer, is not eligible (wire rules W18 and W19). */
public enum BypassReason {
    /** The request body is over {@link dev.refrain.engine.ResponseCacheBuilder#maxRequestBytes(int)}. */
    PAYLOAD_TOO_LARGE("payload-too-large"),
    /**
     * The request body is not one well-formed JSON object (RFC 8259), so the cache cannot tell which requests equal it.
     */
    NOT_A_JSON_OBJECT("not-a-json-object"),
    /** The answer's announced length is over {@link dev.refrain.engine.ResponseCacheBuilder#maxAnswerBytes(int)}. */
    ANSWER_TOO_LARGE("answer-too-large"),
    /** The upstream sent the answer in a content coding although it was asked not to. */
    ANSWER_ENCODED("answer-encoded"),
    /** A Responses request with {@code background: true}: the provider answers with a handle instead of the result. */
    BACKGROUND("background"),
    /**
     * A Responses request with a {@code conversation}: the answer depends on what the provider has kept, and is added
     * to it.
     */
    STATEFUL("stateful"),
    /** The request body has an unknown content coding, or is not in the coding that the request names. */
    CONTENT_ENCODING("content-encoding"),
    /**
     * The request has no credential. A wrapped client may add one below the cache, so such requests share answers only
     * if the program has asked for that.
     */
    NO_CREDENTIAL("no-credential"),
    /** The request's temperature is above what the operator's policy allows (wire rule W81). */
    MAX_TEMPERATURE("max-temperature"),
    /** The request offers tools, and the operator's policy does not cache such requests. */
    TOOLS("tools"),
    /** The conversation is longer than the operator's policy allows. */
    MAX_TURNS("max-turns"),
    /** The request's namespace is malformed (wire rule W82). */
    NAMESPACE("invalid-namespace"),
    /** The request's sample parameter is malformed (wire rule W82). */
    SAMPLE("invalid-sample"),
    /** The request's replay parameter is malformed (wire rule W87). */
    REPLAY("invalid-replay");

    private final String detail;

    BypassReason(String detail) {
        this.detail = detail;
    }

    /** The token for the {@code detail} parameter of {@code Cache-Status} (RFC 9211, 2.8); never null. */
    public String detail() {
        return detail;
    }
}
