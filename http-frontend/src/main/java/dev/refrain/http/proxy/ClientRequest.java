package dev.refrain.http.proxy;

import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.RequestTrace;
import dev.refrain.console.log.AccessLog;
import dev.refrain.console.log.Origin;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.http.server.AccessEntries;
import dev.refrain.http.server.ExchangeSink;
import dev.refrain.http.server.StreamedBody;
import dev.refrain.http.shortcut.Shortcut;
import dev.refrain.http.upstream.HeldBody;
import dev.refrain.http.upstream.Provider;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.answer.RequestId;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.semantics.framing.ConnectionOptions;
import dev.refrain.semantics.policy.RequestedCaching;
import dev.refrain.semantics.route.Route;
import dev.refrain.semantics.ruleset.Ruleset;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Methods;
import io.undertow.util.Protocols;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.channels.StreamSourceChannel;

/**
 * One request while it is handled, with all that is derived from it: its caller, what its header asks of the cache, its
 * provider and the context of its key. Each is derived once, at first use at the latest.
 *
 * <p>Made on the I/O thread of the request's connection. Other threads read only values that were derived there.
 */
final class ClientRequest {
    private static final Logger LOG = LoggerFactory.getLogger(ClientRequest.class);
    private static final byte[] NOTHING = new byte[0];

    private final Parts parts;
    private final HttpServerExchange exchange;
    /** The ruleset that was in force when the request began. */
    private final Ruleset rules;

    private final RequestFields fields;
    private final String path;
    /** Null if nothing is served under the path. */
    private final Route route;
    /** Null for a path that is no endpoint. */
    private final Account account;

    private final ExchangeSink client;

    // Null until first use.
    private Caller caller;
    private RequestedCaching asked;
    private Provider provider;
    private ContentCoding coding;
    private KeyContext context;

    /** Whether a key that the shortcut made may be out of date. */
    private boolean isKeyOld;

    ClientRequest(HttpServerExchange exchange, Parts parts) {
        this.parts = parts;
        this.exchange = exchange;
        this.rules = parts.rulesets().get();
        this.fields = parts.steps().fields(exchange.getRequestHeaders());
        this.path = rawPath(exchange);
        this.route = Route.of(method(), path);
        AccessLog access = parts.activity().access();
        Origin origin = access == null ? null : AccessEntries.origin(exchange, path);
        if (endpoint() == null) {
            this.account = null;
            if (access != null) {
                AccessEntries.whenOver(exchange, origin, RequestId.sent(fields), access);
            }
        } else {
            this.account = parts.activity().begin(endpoint());
            account.caller(caller());
            account.requestId(RequestId.sent(fields));
            account.origin(origin);
            RequestTrace.Source traces = parts.activity().traces();
            if (traces != null) {
                account.trace(traces.head(fields, exchange.getRequestScheme(), method(), path)
                        .begin(account));
            }
        }
        this.client = new ExchangeSink(exchange, account, parts.limits().writing());
    }

    /** The path as sent, not decoded, since it must be forwarded unchanged. */
    private static String rawPath(HttpServerExchange exchange) {
        String uri = exchange.getRequestURI();
        if (exchange.isHostIncludedInRequestURI()) {
            int path = uri.indexOf('/', uri.indexOf("://") + 3);
            return path < 0 ? "/" : uri.substring(path);
        }
        return uri;
    }

    Ruleset rules() {
        return rules;
    }

    HttpServerExchange exchange() {
        return exchange;
    }

    /** The fields to forward. For a request to an endpoint they include its id, and its span if it is traced. */
    RequestFields fieldsForProvider() {
        if (account == null) {
            return fields;
        }
        String id = id();
        RequestFields sent = account.trace() == null ? fields : account.trace().forProvider(fields);
        return RequestId.in(sent, id);
    }

    RequestFields fields() {
        return fields;
    }

    /**
     * The id by which the request is found in logs, made now if there is none. For a path that is no endpoint, only the
     * id that the client sent, or null.
     */
    String id() {
        if (account != null && account.requestId() == null) {
            account.requestId(RequestId.make(System.currentTimeMillis() / 1000));
        }
        return account == null ? RequestId.sent(fields) : account.requestId();
    }

    String method() {
        return exchange.getRequestMethod().toString();
    }

    /** The path as sent. */
    String path() {
        return path;
    }

    /** The query as sent, or empty. */
    String query() {
        return exchange.getQueryString();
    }

    /** Null if nothing is served under the path. */
    Route route() {
        return route;
    }

    /** Null if the request is forwarded untouched. */
    Endpoint endpoint() {
        return route == null ? null : route.endpoint();
    }

    /** Null for a path that is no endpoint. */
    Account account() {
        return account;
    }

    /** Where the answer goes. */
    ExchangeSink client() {
        return client;
    }

    Shortcut shortcut() {
        return Shortcut.of(exchange);
    }

    Caller caller() {
        if (caller == null) {
            caller = rules.callers().of(fields, query());
        }
        return caller;
    }

    /** Counts the request against its caller's rate, once. Returns 0 if it is allowed, else nanoseconds to wait. */
    long count() {
        return shortcut().hasCounted() ? 0 : caller().countRequest();
    }

    /** What the header asks of the cache; only for endpoints. */
    RequestedCaching asked() {
        if (asked == null) {
            asked = RequestedCaching.of(fields, rules.caching(), endpoint(), caller().labels());
        }
        return asked;
    }

    /** What the head asks of the cache. The body, which may name a preset, can change it. */
    CacheControls controls() {
        return endpoint() == null ? CacheControls.OFF : asked().alone();
    }

    /** The provider to forward to; only for a path under which something is served. */
    Provider provider() {
        if (provider == null) {
            provider = parts.providers().of(route);
        }
        return provider;
    }

    ContentCoding coding() {
        if (coding == null) {
            coding = ContentCoding.of(fields);
        }
        return coding;
    }

    /** What goes into the key beside the body; only for endpoints. */
    KeyContext context() {
        if (context == null) {
            context = parts.contexts().of(route, provider().identity(), caller(), query(), asked().partition(), fields);
        }
        return context;
    }

    /** The key of this request; empty if the request is not eligible. The shortcut may have made it already. */
    Optional<CacheKey> key(CacheRequest request) {
        CacheKey missed = isKeyOld ? null : shortcut().missedKey(rules);
        return missed != null ? Optional.of(missed) : parts.steps().key(parts.cache(), request);
    }

    /**
     * Discards a key that the shortcut made, because an id in the request has become known (W26b). Must be called
     * before the request is handled further, on any thread.
     */
    void forgetKey() {
        isKeyOld = true;
    }

    /** Whether the request asks for the record of a generation (W60), or takes the generation's answer back (W85). */
    boolean isGeneration() {
        return route.path().equals("/generation")
                && (exchange.getRequestMethod().equals(Methods.GET)
                        || exchange.getRequestMethod().equals(Methods.DELETE))
                && exchange.getQueryParameters().containsKey("id")
                && exchange.isRequestComplete();
    }

    /** Whether the client asks for a websocket, which only HTTP/1.1 lets it do (RFC 9110, 7.8). */
    boolean isForWebSocket() {
        return exchange.getProtocol().equals(Protocols.HTTP_1_1)
                && ConnectionOptions.of(fields.all("Upgrade")).contains("websocket");
    }

    /** Whether the request may become a websocket to the provider (RFC 6455, 4.1), if its path is no endpoint. */
    boolean isForTunnel() {
        return isForWebSocket() && exchange.getRequestMethod().equals(Methods.GET) && exchange.isRequestComplete();
    }

    // ---- the body

    /** The longest body that is accepted, in bytes. */
    long limit() {
        return endpoint() == null
                ? parts.limits().forwardedBytes()
                : parts.limits().bodyBytes();
    }

    String limitSetting() {
        return endpoint() == null ? "limits.forwarded-body" : "limits.request-body";
    }

    /** What is recorded of the request, with the body that is sent. */
    CallRecorder.Call recorded(RequestBody leaving) {
        byte[] held = leaving instanceof HeldBody body ? body.bytes() : null;
        return new CallRecorder.Call(endpoint(), route.deployment(), query(), fields, held);
    }

    /** The body, of which nothing has been read; null if there is none. */
    StreamedBody unread() {
        return exchange.isRequestComplete() ? null : streamed(NOTHING, exchange.getRequestChannel());
    }

    StreamedBody streamed(byte[] beginning, StreamSourceChannel rest) {
        return new StreamedBody(
                exchange,
                beginning,
                rest,
                limit(),
                limitSetting(),
                parts.limits().reading(),
                this::leaveWithClient);
    }

    /** Runs a step whose caller would lose its exceptions. An exception fails the request, with an error answer. */
    void orFail(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            LOG.error("A request could not go on: {}", id(), e);
            client.fail(e);
        }
    }

    /**
     * Arranges that the call is cancelled if the client leaves and nobody else wants the answer. A client that leaves
     * while it still sends its body fails its request anyway.
     */
    void leaveWithClient() {
        if (exchange.isRequestComplete()) {
            client.leaveWithClient();
        }
    }
}
