package dev.refrain.http.proxy;

import java.net.ProtocolException;
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

    static ProxyException unreachable(Throwable cause) {
        return new ProxyException(
                502, "The upstream provider could not be reached or broke off before it answered; try again.", cause);
    }

    /** @param flaw what is wrong with the answer, as half a sentence */
    static ProxyException malformed(String flaw) {
        return new ProxyException(502, "The upstream provider's answer is malformed, " + flaw + "; try again.", null);
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
            if (cause instanceof ProtocolException) {
                // Its message may quote the answer.
                return malformed("it is not HTTP");
            }
        }
        return unreachable(failure);
    }
}
