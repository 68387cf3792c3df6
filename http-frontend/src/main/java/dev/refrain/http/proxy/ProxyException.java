package dev.refrain.http.proxy;

import java.io.IOException;
import java.time.Duration;

/** A failure that Refrain itself answers for: a status and a sentence that says what to do, without secrets (wire rule W31). */
final class ProxyException extends Exception {
    private final int status;

    private ProxyException(int status, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
    }

    int status() {
        return status;
    }

    static ProxyException badRequest(String message) {
        return new ProxyException(400, message, null);
    }

    static ProxyException notFound(String path) {
        return new ProxyException(
                404, "Nothing is served under " + path + "; API paths begin with /v1/ or /api/v1/.", null);
    }

    static ProxyException bodyTooLarge(long limit) {
        return new ProxyException(
                413,
                "The request body is over the limit of " + limit
                        + " bytes; send less, or have the operator raise limits.request-body.",
                null);
    }

    static ProxyException requestStalled(Duration limit) {
        return new ProxyException(
                408, "Nothing more of the request body came for " + limit.toMillis() + " ms; send it again.", null);
    }

    /** The client broke off, or what it sends cannot be read. */
    static ProxyException unreadable(IOException cause) {
        String message = cause instanceof MalformedBody
                ? "The request body is not properly framed: " + cause.getMessage() + "."
                : "The request body broke off before its end; send it again.";
        return new ProxyException(400, message, cause);
    }

    static ProxyException unknownCoding() {
        return new ProxyException(501, "The only transfer coding that is understood is chunked.", null);
    }

    static ProxyException unknownExpectation() {
        return new ProxyException(417, "The only expectation that can be met is 100-continue.", null);
    }

    static ProxyException noRoom() {
        return new ProxyException(
                503,
                "Too many large requests are being read at the same time; try again, or have the operator give"
                        + " Refrain a larger heap.",
                null);
    }

    static ProxyException unreachable(Throwable cause) {
        return new ProxyException(
                502, "The upstream provider could not be reached or broke off before it answered; try again.", cause);
    }

    static ProxyException silent(Duration limit) {
        return new ProxyException(
                504,
                "The upstream provider did not answer within " + limit.toMillis()
                        + " ms; try again, or have the operator raise timeouts.response.",
                null);
    }

    static ProxyException stalled(Duration limit) {
        return new ProxyException(
                504, "The upstream provider sent nothing more for " + limit.toMillis() + " ms.", null);
    }

    static ProxyException overloaded(int limit) {
        return new ProxyException(
                503,
                "There are " + limit
                        + " calls to the upstream provider under way already; try again, or have the operator"
                        + " raise limits.upstream-calls.",
                null);
    }

    static ProxyException stopping() {
        return new ProxyException(503, "Refrain is being stopped and takes no more requests; try again.", null);
    }

    static ProxyException cancelled() {
        return new ProxyException(502, "The upstream call was broken off.", null);
    }

    /** The failure as one of ours: found in the chain of causes, or else the upstream's fault. */
    static ProxyException of(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ProxyException ours) {
                return ours;
            }
        }
        return unreachable(failure);
    }
}
