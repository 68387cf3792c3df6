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
 * One request on its way, with what is known of it: who asks, what the header asks of the cache, which provider
 * answers, what goes into the key. Each is worked out once, at the first use at the latest.
 *
 * <p>Made on the I/O thread of the request's connection. Other threads read only what was worked out there.
 */
final class ClientRequest {
    private static final Logger LOG = LoggerFactory.getLogger(ClientRequest.class);
    private static final byte[] NOTHING = new byte[0];

    private final Parts parts;
    private final HttpServerExchange exchange;
    /** The one that it began with. */
    private final Ruleset rules;

    private final RequestFields fields;
    private final String path;
    /** Null if the path leads nowhere. */
    private final Route route;
    /** Null for a path that is no endpoint. */
    private final Account account;

    private final ExchangeSink client;

    // Null until they are asked for.
    private Caller caller;
    private RequestedCaching asked;
    private Provider provider;
    private ContentCoding coding;
    private KeyContext context;

    /** Whether a key that was made before may be the wrong one by now. */
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

    /** The path as sent, without decoding: what is forwarded must be what came. */
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

    /** The fields for the provider, which gets the id of a request to an endpoint, and its place in a trace. */
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

    /** The id by which the request is found in logs, made now if it has none; null for a path that is no endpoint. */
    String id() {
        if (account != null && account.requestId() == null) {
            account.requestId(RequestId.make(System.currentTimeMillis() / 1000));
        }
        return account == null ? RequestId.sent(fields) : account.requestId();
    }

    String method() {
        return exchange.getRequestMethod().toString();
    }

    /** As sent. */
    String path() {
        return path;
    }

    /** As sent, or empty. */
    String query() {
        return exchange.getQueryString();
    }

    /** Null if the path leads nowhere. */
    Route route() {
        return route;
    }

    /** Null if this is forwarded untouched. */
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

    /** Counts this request, once; returns nanoseconds after which there may be one, 0 if that is now. */
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

    /** What is asked of the cache before the body is read, which may name a preset. */
    CacheControls controls() {
        return endpoint() == null ? CacheControls.OFF : asked().alone();
    }

    /** Only for a path that leads somewhere. */
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

    /** The key of this request, which the shortcut may have made already; empty if the request is not eligible. */
    Optional<CacheKey> key(CacheRequest request) {
        CacheKey missed = isKeyOld ? null : shortcut().missedKey(rules);
        return missed != null ? Optional.of(missed) : parts.steps().key(parts.cache(), request);
    }

    /**
     * The next key is made anew, as an id in the request is known now (W26b). To be called before it goes on, on
     * whichever thread.
     */
    void forgetKey() {
        isKeyOld = true;
    }

    /** Whether this asks for the record of a generation (W60), or takes its answer back (W85). */
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

    /** Whether it may become a websocket to the provider (RFC 6455, 4.1), if its path is none that the cache knows. */
    boolean isForTunnel() {
        return isForWebSocket() && exchange.getRequestMethod().equals(Methods.GET) && exchange.isRequestComplete();
    }

    // ---- the body

    /** The longest body to let through. */
    long limit() {
        return endpoint() == null
                ? parts.limits().forwardedBytes()
                : parts.limits().bodyBytes();
    }

    String limitSetting() {
        return endpoint() == null ? "limits.forwarded-body" : "limits.request-body";
    }

    /** What is recorded of it, with the body as it leaves. */
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

    /** Takes a step where nobody else hears of what it throws: that fails this request, whose client is told so. */
    void orFail(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            LOG.error("A request could not go on: {}", id(), e);
            client.fail(e);
        }
    }

    /**
     * Cancels the call when the client goes and nobody else wants the answer. A client that goes while it sends fails
     * its request.
     */
    void leaveWithClient() {
        if (exchange.isRequestComplete()) {
            client.leaveWithClient();
        }
    }
}
