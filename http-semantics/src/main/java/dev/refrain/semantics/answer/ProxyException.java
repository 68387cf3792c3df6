package dev.refrain.semantics.answer;

import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.framing.FramingFault;
import dev.refrain.semantics.framing.MalformedBody;
import java.io.IOException;
import java.net.ProtocolException;
import java.time.Duration;

/**
 * A failure of Refrain's own, with a status and a sentence that says what to do and reveals no secret (wire rule W31).
 * Immutable and thread-safe.
 */
public final class ProxyException extends Exception {
    private static final String ONLY_IF_CACHED = "only-if-cached";
    private static final String NOT_RECORDED = "not-recorded";

    private final int status;
    private final String detail;
    private final String reason;
    private final boolean forwarded;
    private final long retrySeconds;

    private ProxyException(int status, String detail, boolean forwarded, String message, Throwable cause) {
        this(status, detail, detail, forwarded, message, cause);
    }

    private ProxyException(int status, String detail, String message, long retrySeconds) {
        super(message);
        this.reason = detail;
        this.status = status;
        this.detail = detail;
        this.forwarded = false;
        this.retrySeconds = retrySeconds;
    }

    private ProxyException(
            int status, String detail, String reason, boolean forwarded, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
        this.status = status;
        this.detail = detail;
        this.forwarded = forwarded;
        // An overload (503) soon passes. For the other failures no time is known.
        this.retrySeconds = status == 503 ? 1 : 0;
    }

    private static ProxyException refused(int status, String detail, String message) {
        return new ProxyException(status, detail, false, message, null);
    }

    private static ProxyException upstream(int status, String detail, String message, Throwable cause) {
        return new ProxyException(status, detail, true, message, cause);
    }

    /** The status of the response. */
    public int status() {
        return status;
    }

    /** Seconds after which the same request may succeed (RFC 9110, 10.2.3); 0 if unknown. */
    public long retrySeconds() {
        return retrySeconds;
    }

    /** Whether the same request would fail again, however often it is sent (wire rule W32). */
    public boolean isLasting() {
        if (getCause() != null && !(getCause() instanceof MalformedBody)) {
            return false;
        }
        return switch (status) {
            case 400, 401, 404, 413, 417, 426, 501 -> true;
            default -> detail.equals(ONLY_IF_CACHED) || detail.equals(NOT_RECORDED);
        };
    }

    /** The token for the {@code detail} parameter of {@code Cache-Status} (RFC 9211, 2.8). */
    public String detail() {
        return detail;
    }

    /** Like {@link #detail}, but more precise where the provider cannot be reached; for the log of requests. */
    public String reason() {
        return reason;
    }

    /** Whether the request was forwarded to the upstream, successfully or not. */
    public boolean isForwarded() {
        return forwarded;
    }

    /** The request is wrong; the message says what is wrong in it, and what was expected. */
    public static ProxyException badRequest(String message) {
        return refused(400, "bad-request", message);
    }

    /** RFC 9110, 15.5.2: the API key is not among those that the operator serves. */
    public static ProxyException unauthorized() {
        return refused(
                401,
                "unauthorized",
                "This API key is not served here; send one that is, or have the operator add its SHA-256 to"
                        + " access.keys.");
    }

    /**
     * RFC 6585, 4: the API key has made too many requests.
     *
     * @param waitNanos nanoseconds until the key may make a request
     */
    public static ProxyException tooManyRequests(long waitNanos) {
        long seconds = Math.max(1, (waitNanos + 999_999_999) / 1_000_000_000);
        return new ProxyException(
                429,
                "rate-limited",
                "This API key has made more requests than it may; try again in " + seconds
                        + " s, or have the operator raise access.requests-per-second or access.burst.",
                seconds);
    }

    /** There is no such path. */
    public static ProxyException notFound(String path) {
        return refused(
                404,
                "not-found",
                "Nothing is served under " + path + "; API paths begin with /v1/, /api/v1/ or /openai/.");
    }

    /**
     * The request's body is too long.
     *
     * @param limit in bytes
     * @param setting name of the setting for the limit; null if the limit is fixed
     */
    public static ProxyException bodyTooLarge(long limit, String setting) {
        return refused(
                413,
                "payload-too-large",
                "The request body is over the limit of " + limit + " bytes; send less"
                        + (setting == null ? "." : ", or have the operator raise " + setting + "."));
    }

    /** The path could lead elsewhere once it is decoded. */
    public static ProxyException dotSegment() {
        return refused(
                400,
                "bad-request",
                "The path has a . or .. segment, perhaps percent-encoded; send the path without it.");
    }

    /** RFC 9110, 15.5.22. */
    public static ProxyException upgradeRequired() {
        return refused(
                426, "upgrade-required", "This endpoint has no websocket; send the request by POST over HTTP/1.1.");
    }

    /** The client did not send the rest of the body within the limit. */
    public static ProxyException requestStalled(Duration limit) {
        return refused(
                408,
                "request-timeout",
                "Nothing more of the request body came for " + limit.toMillis() + " ms; send it again.");
    }

    /** The client broke off its body, or the body is not properly framed. */
    public static ProxyException unreadable(IOException cause) {
        String message = cause instanceof MalformedBody
                ? "The request body is not properly framed: " + cause.getMessage() + "."
                : "The request body broke off before its end; send it again.";
        return new ProxyException(400, "bad-request", false, message, cause);
    }

    /** The end of the request is in doubt. */
    public static ProxyException framing(FramingFault fault) {
        return refused(fault.status(), "bad-request", fault.message());
    }

    /** The memory budget is used up. */
    public static ProxyException noRoom() {
        return refused(
                503,
                "memory-budget",
                "The memory for requests and answers under way is used up; try again in a second, or have the "
                        + "operator give Refrain a larger heap.");
    }

    /** The call failed before there was an answer; the cause may be null. */
    public static ProxyException unreachable(Throwable cause) {
        return upstream(
                502,
                "upstream-unreachable",
                "The upstream provider could not be reached or broke off before it answered; try again.",
                cause);
    }

    /** No connection to the provider could be opened. */
    public static ProxyException unreachable(Unreachable why, Throwable cause) {
        return new ProxyException(
                502,
                "upstream-unreachable",
                why.token(),
                true,
                "The upstream provider could not be reached: " + why.advice() + ".",
                cause);
    }

    /**
     * The provider's answer is malformed.
     *
     * @param flaw what is wrong with it, as a clause
     */
    public static ProxyException malformed(String flaw) {
        return upstream(
                502,
                "upstream-malformed",
                "The upstream provider's answer is malformed, " + flaw + "; try again.",
                null);
    }

    /** The provider did not begin its answer within the limit. */
    public static ProxyException silent(Duration limit) {
        return upstream(
                504,
                "upstream-timeout",
                "The upstream provider did not answer within " + limit.toMillis()
                        + " ms; try again, or have the operator raise timeouts.response.",
                null);
    }

    /** The provider did not go on with its answer within the limit. */
    public static ProxyException stalled(Duration limit) {
        return upstream(
                504,
                "upstream-timeout",
                "The upstream provider sent nothing more for " + limit.toMillis() + " ms.",
                null);
    }

    /** As many calls to providers are under way as the limit allows. */
    public static ProxyException overloaded(int limit) {
        return refused(
                503,
                "too-many-upstream-calls",
                "There are " + limit
                        + " calls to the upstream provider under way already; try again, or have the operator"
                        + " raise limits.upstream-calls.");
    }

    /** Refrain is being stopped. */
    public static ProxyException stopping() {
        return refused(503, "shutting-down", "Refrain is being stopped and takes no more requests; try again.");
    }

    /** Nobody waits for the call any more. */
    public static ProxyException cancelled() {
        return upstream(502, "upstream-cancelled", "The upstream call was broken off.", null);
    }

    /**
     * The request was to be answered from a recording, and no recording fits.
     *
     * @param message names the nearest recording and says what to do
     */
    public static ProxyException notRecorded(String message) {
        return refused(504, NOT_RECORDED, message);
    }

    private static ProxyException notCached() {
        return refused(
                504,
                ONLY_IF_CACHED,
                "There is no stored answer to this request, and with Cache-Control: only-if-cached it is not sent to "
                        + "the upstream provider; send it without.");
    }

    /**
     * Turns a failure into a {@code ProxyException}. Looks through the chain of causes for the first that is one
     * already, or is of a known type. If there is none, returns {@link #unreachable(Throwable)}.
     */
    public static ProxyException of(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ProxyException ours) {
                return ours;
            }
            if (cause instanceof MemoryBudget.Exhausted) {
                return noRoom();
            }
            if (cause instanceof NotCachedException) {
                return notCached();
            }
            if (cause instanceof ProtocolException) {
                // The exception's message may quote the answer.
                return malformed("it is not HTTP");
            }
        }
        return unreachable(failure);
    }
}
