package dev.refrain.http.server;

import dev.refrain.console.activity.Account;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.semantics.answer.CacheHeaders;
import dev.refrain.semantics.answer.ErrorBody;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.forward.AnswerFields;
import dev.refrain.semantics.forward.ForwardedFields;
import io.undertow.server.HttpServerExchange;
import io.undertow.server.protocol.http.HttpAttachments;
import io.undertow.util.HeaderMap;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import io.undertow.util.Protocols;
import io.undertow.util.StatusCodes;

/** Writes the status and header fields of an answer, or of an error of the proxy. For one thread at a time. */
final class AnswerStart {
    /** Limit of a reason phrase, in characters. With the text before it, it must fit into Undertow's 16 KiB buffer. */
    private static final int MOST_REASON = 8 * 1024;
    /** Limit of the trailer fields, in bytes. They must fit into another such buffer, behind the last chunk. */
    private static final int MOST_TRAILERS = 8 * 1024;
    /** Bytes of a field's line beside name and value: a colon, a blank and the line's end. */
    private static final int MARKS = 4;

    private final HttpServerExchange exchange;
    /** Null for a path that is no endpoint. */
    private final Endpoint endpoint;

    /** Null for a path that is no endpoint. */
    private final Account account;

    /** The endpoint whose error format is used; null for OpenAI's. */
    private Endpoint shape;

    private CacheOutcome outcomeOfFailure;
    private CacheKey key;
    /** Null unless the answer comes from a provider. */
    private AnswerFields fromProvider;

    AnswerStart(HttpServerExchange exchange, Account account) {
        this.exchange = exchange;
        this.endpoint = account == null ? null : account.endpoint();
        this.account = account;
        this.shape = endpoint;
    }

    /**
     * Sets what an error of the proxy reports about the cache. Without this call it reports nothing. Must come before
     * the answer begins.
     *
     * @param bypass why the cache has no part in the request, or null if it has one
     * @param requestKey the request's key, or null if it has none
     */
    void expect(CacheControls controls, BypassReason bypass, CacheKey requestKey) {
        key = requestKey;
        if (!controls.enabled()) {
            outcomeOfFailure = null;
        } else if (bypass != null) {
            outcomeOfFailure = new CacheOutcome.Bypass(bypass);
        } else {
            outcomeOfFailure = new CacheOutcome.Miss(
                    controls.ttl().toSeconds(),
                    false,
                    controls.directives().noCache() ? ForwardReason.REQUEST : ForwardReason.MISS);
        }
        if (account != null) {
            account.expect(outcomeOfFailure, key);
        }
    }

    /** Makes errors of the proxy use the format of this endpoint. */
    void shape(Endpoint ofErrors) {
        shape = ofErrors;
    }

    void of(ResponseHead head) {
        HeaderMap fields = exchange.getResponseHeaders();
        exchange.setStatusCode(head.status());
        if (head.fields() instanceof AnswerFields ofProvider) {
            String reason = ofProvider.reason();
            exchange.setReasonPhrase(reason.length() <= MOST_REASON ? reason : reason.substring(0, MOST_REASON));
            fromProvider = ofProvider;
        }
        ForwardedFields.toClient(head.fields(), endpoint != null, (name, lines) -> {
            HttpString target = new HttpString(name);
            fields.remove(target);
            fields.putAll(target, lines);
        });
        if (head.contentType() != null) {
            fields.put(Headers.CONTENT_TYPE, head.contentType());
        }
        if (head.contentLength() >= 0) {
            exchange.setResponseContentLength(head.contentLength());
        } else if (exchange.getProtocol().equals(Protocols.HTTP_1_1) && mayHaveBody(head.status())) {
            // Set explicitly. Undertow would otherwise mark the end of a response on a closing connection by closing
            // it, and a truncated response would look complete.
            fields.put(Headers.TRANSFER_ENCODING, Headers.CHUNKED.toString());
        }
        if (head.status() == StatusCodes.SWITCHING_PROTOCOLS) {
            fields.put(Headers.UPGRADE, "websocket"); // Undertow writes the Connection field
        }
        if (head.generationId() != null) {
            fields.put(HeaderNames.GENERATION_ID, head.generationId());
        }
        CacheHeaders.write(head.cache(), key, head.status(), account, new CacheFields(fields));
        if (account != null) {
            account.head(head.status(), head.generationId(), head.cache());
            sayRequestId(fields);
        }
    }

    /** Adds the request's id. A provider's own {@code X-Request-Id} stays, since the provider's support asks for it. */
    private void sayRequestId(HeaderMap fields) {
        if (account.requestId() != null) {
            boolean isTaken = fields.contains(HeaderNames.REQUEST_ID);
            fields.put(isTaken ? HeaderNames.OWN_REQUEST_ID : HeaderNames.REQUEST_ID, account.requestId());
        }
    }

    /** The body is complete; adds the provider's trailer fields, unless they are too long. */
    void ended() {
        if (fromProvider == null || fromProvider.trailers().isEmpty()) {
            return;
        }
        HeaderMap trailers = new HeaderMap();
        int[] length = {0};
        ForwardedFields.toClient(fromProvider.trailers(), endpoint != null, (name, lines) -> {
            trailers.putAll(new HttpString(name), lines);
            for (String line : lines) {
                length[0] += name.length() + line.length() + MARKS;
            }
        });
        if (length[0] <= MOST_TRAILERS) {
            exchange.putAttachment(HttpAttachments.RESPONSE_TRAILERS, trailers);
        }
    }

    /** Writes the head of an error of the proxy, and returns its body. */
    byte[] of(ProxyException failure) {
        HeaderMap fields = exchange.getResponseHeaders();
        byte[] body = ErrorBody.of(shape, failure);
        exchange.setStatusCode(failure.status());
        fields.put(Headers.CONTENT_TYPE, "application/json");
        exchange.setResponseContentLength(body.length);
        if (failure.retrySeconds() > 0) {
            fields.put(Headers.RETRY_AFTER, failure.retrySeconds());
        }
        if (failure.isLasting()) {
            fields.put(HeaderNames.SHOULD_RETRY, "false");
        }
        if (failure.status() == StatusCodes.UNAUTHORIZED) {
            fields.put(Headers.WWW_AUTHENTICATE, "Bearer");
        }
        if (failure.status() == StatusCodes.UPGRADE_REQUIRED) {
            fields.put(Headers.UPGRADE, "HTTP/1.1");
            fields.put(Headers.CONNECTION, "Upgrade");
        }
        if (account != null) {
            String id = GenerationId.mint(System.currentTimeMillis() / 1000);
            fields.put(HeaderNames.GENERATION_ID, id);
            account.head(failure.status(), id, outcomeOfFailure);
            sayRequestId(fields);
            if (failure.isForwarded()) {
                account.failed(failure.reason());
            }
        }
        CacheHeaders.write(outcomeOfFailure, key, failure, new CacheFields(fields));
        return body;
    }

    /** Whether an answer may have a body (RFC 9110, 6.4.1); an answer to HEAD has none. */
    private boolean mayHaveBody(int status) {
        return status >= 200
                && status != 204
                && status != 304
                && !exchange.getRequestMethod().equals(Methods.HEAD);
    }
}
