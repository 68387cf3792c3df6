package dev.refrain.engine.exchange;

/** Why a request for which caching was on, or its answer, is not eligible (wire rules W18 and W19). */
public enum BypassReason {
    /** The request body is over {@link dev.refrain.engine.ResponseCacheBuilder#maxRequestBytes(int)}. */
    PAYLOAD_TOO_LARGE("payload-too-large"),
    /** The request body is not one well-formed JSON object (RFC 8259), so nothing can safely be called equal to it. */
    NOT_A_JSON_OBJECT("not-a-json-object"),
    /** The answer's announced length is over {@link dev.refrain.engine.ResponseCacheBuilder#maxAnswerBytes(int)}. */
    ANSWER_TOO_LARGE("answer-too-large"),
    /** The upstream sent the answer in a content coding although it was asked not to. */
    ANSWER_ENCODED("answer-encoded"),
    /** A Responses request with {@code background: true}: it is answered with a handle, not with the result. */
    BACKGROUND("background"),
    /** A Responses request with a {@code conversation}: the provider goes on from what it has kept, and adds to it. */
    STATEFUL("stateful"),
    /** The request body is in a content coding that is not known here, or not in the one that it says. */
    CONTENT_ENCODING("content-encoding"),
    /**
     * The request shows no credential. A wrapped client may add one below the cache, so such requests share answers
     * only if the program asks for it.
     */
    NO_CREDENTIAL("no-credential"),
    /** Its temperature is above what the operator's policy allows (wire rule W81). */
    MAX_TEMPERATURE("max-temperature"),
    /** It offers tools, and the operator's policy does not cache such requests. */
    TOOLS("tools"),
    /** The conversation is longer than the operator's policy allows. */
    MAX_TURNS("max-turns"),
    /** What it names as its namespace is none (wire rule W82). */
    NAMESPACE("invalid-namespace"),
    /** What it says of samples makes no sense (wire rule W82). */
    SAMPLE("invalid-sample"),
    /** What it says of the pace of a replay makes no sense (wire rule W87). */
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
