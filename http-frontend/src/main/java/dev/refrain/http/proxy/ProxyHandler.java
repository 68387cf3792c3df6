package dev.refrain.http.proxy;

import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.Activity;
import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.GenerationRecord;
import dev.refrain.console.activity.MeteringSink;
import dev.refrain.console.activity.ModelNames;
import dev.refrain.console.activity.ProviderCall;
import dev.refrain.console.explain.OutlineSink;
import dev.refrain.console.explain.Outlines;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http.server.BodyReader;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.http.server.ContentCoding;
import dev.refrain.http.server.EarlyAnswer;
import dev.refrain.http.server.ExchangeSink;
import dev.refrain.http.server.HeaderFields;
import dev.refrain.http.server.LongBodies;
import dev.refrain.http.server.StreamedBody;
import dev.refrain.http.shortcut.Shortcut;
import dev.refrain.http.upstream.HeldBody;
import dev.refrain.http.upstream.Provider;
import dev.refrain.http.upstream.UpstreamCall;
import dev.refrain.http.upstream.UpstreamClient;
import dev.refrain.semantics.answer.IdentifySink;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.caller.Callers;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.preset.Presets;
import dev.refrain.semantics.route.DotSegments;
import dev.refrain.semantics.route.Route;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.HeaderValues;
import io.undertow.util.Headers;
import io.undertow.util.Methods;
import io.undertow.util.Protocols;
import io.undertow.util.SameThreadExecutor;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.channels.StreamSourceChannel;

/**
 * A request's way through the proxy: route, read the body, decide, and let the engine answer.
 *
 * <p>Runs on the I/O thread of the request's connection and never blocks it.
 */
final class ProxyHandler implements HttpHandler {
    private static final Logger LOG = LoggerFactory.getLogger(ProxyHandler.class);
    private static final byte[] NOTHING = new byte[0];

    /**
     * Bytes of a body that is held in memory in any case, so that its call can
     * be made again ({@link dev.refrain.http.upstream.IdleConnections}).
     */
    private static final long SHORT_BODY = 64 * 1024;

    private final ResponseCache cache;
    private final ActivityLog activity;
    private final Callers callers;
    private final KeyContexts contexts;
    private final Outlines outlines;
    private final Presets presets;
    private final ModelNames models;
    private final UpstreamClient client;
    private final Provider defaultProvider;
    private final Map<Endpoint, Provider> providers;
    private final long maxBodyBytes;
    private final long maxForwardedBytes;
    private final boolean cancelWhenAbandoned;
    private final ClientLimits reading;
    private final ClientLimits writing;
    private final LongBodies longBodies;

    /**
     * @param outlines gets the requests that are fetched to be stored
     * @param providers those endpoints that have a provider of their own
     * @param maxBodyBytes the longest request body to let through to an endpoint
     * @param maxForwardedBytes the longest one to let through elsewhere
     * @param cancelWhenAbandoned whether an answer that could be stored is not worth having once its client has gone
     * @param reading how far to go for a request
     * @param writing how far to go for a client that does not take its answer
     * @param longBodies has the threads for them
     */
    ProxyHandler(
            ResponseCache cache,
            ActivityLog activity,
            Callers callers,
            KeyContexts contexts,
            Outlines outlines,
            Presets presets,
            ModelNames models,
            UpstreamClient client,
            Provider defaultProvider,
            Map<Endpoint, Provider> providers,
            long maxBodyBytes,
            long maxForwardedBytes,
            boolean cancelWhenAbandoned,
            ClientLimits reading,
            ClientLimits writing,
            LongBodies longBodies) {
        this.cache = cache;
        this.activity = activity;
        this.callers = callers;
        this.contexts = contexts;
        this.outlines = outlines;
        this.presets = presets;
        this.models = models;
        this.client = client;
        this.defaultProvider = defaultProvider;
        this.providers = providers;
        this.maxBodyBytes = maxBodyBytes;
        this.maxForwardedBytes = maxForwardedBytes;
        this.cancelWhenAbandoned = cancelWhenAbandoned;
        this.reading = reading;
        this.writing = writing;
        this.longBodies = longBodies;
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) {
        // Dispatched to this very thread: from here on the exchange ends when its answer does, not when this method
        // returns.
        exchange.dispatch(SameThreadExecutor.INSTANCE, () -> route(exchange));
    }

    /** Answers a request that is not going to be served, unless its body is not in order, and closes the connection. */
    void refuseWhenRead(HttpServerExchange exchange, ProxyException why) {
        exchange.setPersistent(false);
        exchange.dispatch(
                SameThreadExecutor.INSTANCE,
                () -> EarlyAnswer.once(exchange, reading, flaw -> refuse(exchange, flaw == null ? why : flaw)));
    }

    /** Answers a request that is not going to be served. */
    void refuse(HttpServerExchange exchange, ProxyException why) {
        exchange.dispatch(SameThreadExecutor.INSTANCE, () -> {
            Route route = Route.of(exchange.getRequestMethod().toString(), rawPath(exchange));
            Endpoint endpoint = route == null ? null : route.endpoint();
            Account account = account(exchange, endpoint);
            ExchangeSink sink = new ExchangeSink(exchange, account, writing);
            if (account != null) {
                sink.expect(controls(exchange, endpoint, null), null, null);
            }
            sink.fail(why);
        });
    }

    private void route(HttpServerExchange exchange) {
        Route route = Route.of(exchange.getRequestMethod().toString(), rawPath(exchange));
        Endpoint endpoint = route == null ? null : route.endpoint();
        Account account = account(exchange, endpoint);
        ExchangeSink client = new ExchangeSink(exchange, account, writing);
        if (DotSegments.in(rawPath(exchange))) {
            failWhenRead(exchange, client, ProxyException.dotSegment());
        } else if (route == null) {
            failWhenRead(exchange, client, ProxyException.notFound(exchange.getRequestPath()));
        } else if (route.named() != null && isForWebSocket(exchange)) {
            client.shape(route.named());
            failWhenRead(exchange, client, ProxyException.upgradeRequired());
        } else if (exchange.getRequestContentLength() > limit(endpoint)) {
            client.expect(controls(exchange, endpoint, null), BypassReason.PAYLOAD_TOO_LARGE, null);
            client.fail(ProxyException.bodyTooLarge(limit(endpoint), limitSetting(endpoint)));
        } else if (endpoint == null) {
            if (isGeneration(route, exchange)) {
                generation(exchange, route, client);
            } else {
                forward(exchange, route, client);
            }
        } else {
            read(exchange, route, account, client);
        }
    }

    private Account account(HttpServerExchange exchange, Endpoint endpoint) {
        if (endpoint == null) {
            return null;
        }
        Account account = activity.begin(endpoint);
        account.caller(caller(exchange));
        return account;
    }

    private Caller caller(HttpServerExchange exchange) {
        return callers.of(new HeaderFields(exchange.getRequestHeaders()), exchange.getQueryString());
    }

    /**
     * A record of a generation made here, for whom it was made for; the
     * provider has those of what it made itself (W60).
     */
    private void generation(HttpServerExchange exchange, Route route, ExchangeSink client) {
        String id = exchange.getQueryParameters().get("id").getFirst();
        Caller caller = caller(exchange);
        // The record may have to be read from the disk.
        exchange.getConnection().getWorker().execute(() -> {
            Optional<Activity> record =
                    activity.find(id, caller).filter(found -> found.outcome().isCached());
            if (record.isPresent()) {
                GenerationRecord.send(record.get(), client);
            } else {
                exchange.getIoThread().execute(() -> forward(exchange, route, client));
            }
        });
    }

    /** Everything that is not one of the four endpoints (W2). */
    private void forward(HttpServerExchange exchange, Route route, ExchangeSink client) {
        start(call(exchange, route, () -> unread(exchange, route.endpoint(), client), false), client);
        leaveWithClient(exchange, client);
    }

    /**
     * Holds the body in memory if it is short, or the cache may need it and may
     * hold it; streams it through otherwise (W18).
     */
    private void read(HttpServerExchange exchange, Route route, Account account, ExchangeSink client) {
        CacheControls asked = controls(exchange, route.endpoint(), null);
        client.expect(asked, BypassReason.PAYLOAD_TOO_LARGE, null);
        long length = exchange.getRequestContentLength();
        boolean isShort = length >= 0 && length <= SHORT_BODY;
        ContentCoding coding = ContentCoding.of(exchange.getRequestHeaders());
        if (coding == ContentCoding.OTHER) {
            client.expect(asked, BypassReason.CONTENT_ENCODING, null);
            cacheless(
                    exchange,
                    route,
                    account,
                    client,
                    asked,
                    BypassReason.CONTENT_ENCODING,
                    unread(exchange, route.endpoint(), client));
        } else if ((!asked.enabled() && presets.isEmpty() && !isShort)
                || length > cache.admin().maxRequestBytes()) {
            cacheless(
                    exchange,
                    route,
                    account,
                    client,
                    asked,
                    BypassReason.PAYLOAD_TOO_LARGE,
                    unread(exchange, route.endpoint(), client));
        } else {
            int limit = (int) Math.min(cache.admin().maxRequestBytes(), maxBodyBytes);
            MemoryBudget.Reservation held = reading.memory().open();
            account.whenClosed(held::close);
            BodyReader.read(exchange, limit, reading, held, new BodyReader.Receiver() {
                @Override
                public void complete(byte[] body) {
                    boolean isOpened = asked.enabled() || !presets.isEmpty();
                    ContentCoding inside = isOpened ? coding : ContentCoding.IDENTITY;
                    open(exchange, route, account, client, asked, inside, body, held);
                }

                @Override
                public void tooLong(byte[] beginning, StreamSourceChannel rest) {
                    cacheless(
                            exchange,
                            route,
                            account,
                            client,
                            asked,
                            BypassReason.PAYLOAD_TOO_LARGE,
                            streamed(exchange, route.endpoint(), client, beginning, rest));
                }

                @Override
                public void failed(ProxyException why) {
                    client.fail(why);
                }
            });
        }
    }

    /** Looks into a body, inside its content coding; into a long one on another thread. */
    private void open(
            HttpServerExchange exchange,
            Route route,
            Account account,
            ExchangeSink client,
            CacheControls asked,
            ContentCoding coding,
            byte[] sent,
            MemoryBudget.Reservation held) {
        boolean isPlain = coding == ContentCoding.IDENTITY;
        KeyContext context = context(exchange, route, account);
        if (sent.length <= (isPlain ? LongBodies.LONG : SHORT_BODY)) {
            try {
                byte[] body = coding.decode(
                        sent, Math.min(LongBodies.LONG, cache.admin().maxRequestBytes()), held);
                Decision decision = decision(exchange, context, body, sent, held);
                answer(exchange, route, account, client, context, decision, body, sent);
                return;
            } catch (ContentCoding.TooLong longer) {
                // Then on another thread.
            } catch (IOException | ProxyException flaw) {
                unopened(exchange, route, account, client, asked, sent, flaw);
                return;
            }
        }
        AtomicReference<byte[]> body = new AtomicReference<>(sent);
        longBodies.run(
                exchange,
                () -> {
                    body.set(coding.decode(sent, cache.admin().maxRequestBytes(), held));
                    Decision decision = decision(exchange, context, body.get(), sent, held);
                    return isPlain ? decision : decision.prepared();
                },
                decision -> answer(exchange, route, account, client, context, decision, body.get(), sent),
                flaw -> unopened(exchange, route, account, client, asked, sent, flaw));
    }

    /** Passes on what could not be looked into. */
    private void unopened(
            HttpServerExchange exchange,
            Route route,
            Account account,
            ExchangeSink client,
            CacheControls asked,
            byte[] sent,
            Throwable why) {
        if (why instanceof ProxyException refusal) {
            client.fail(refusal);
            return;
        }
        if (!(why instanceof IOException)) {
            LOG.error("A request body of {} bytes could not be looked into, and is passed on", sent.length, why);
        }
        // What the provider makes of a malformed one is its own affair.
        BypassReason reason = why instanceof IOException && !(why instanceof ContentCoding.TooLong)
                ? BypassReason.CONTENT_ENCODING
                : BypassReason.PAYLOAD_TOO_LARGE;
        client.expect(asked, reason, null);
        cacheless(exchange, route, account, client, asked, reason, new HeldBody(sent));
    }

    private KeyContext context(HttpServerExchange exchange, Route route, Account account) {
        return contexts.of(
                route, account.caller(), exchange.getQueryString(), new HeaderFields(exchange.getRequestHeaders()));
    }

    /** What is decided of a body; where a preset may be merged into it, there has to be room for that. */
    private Decision decision(
            HttpServerExchange exchange, KeyContext context, byte[] body, byte[] sent, MemoryBudget.Reservation held)
            throws ProxyException {
        long before = held.bytes();
        if (!presets.isEmpty() && !held.grow((long) Preset.RESOLVING_FACTOR * body.length)) {
            throw ProxyException.noRoom();
        }
        Decision decision = Decision.of(cache, presets, context, exchange.getRequestHeaders(), body, sent);
        boolean isMerged = decision.preset() != null && !decision.preset().isPolicyOnly();
        held.shrink(held.bytes() - before - (isMerged ? body.length : 0));
        return decision;
    }

    /**
     * With caching on, or possibly on by a preset: the engine's pipeline.
     *
     * @param body that the key is made of
     * @param sent the same as it came, for the provider
     */
    private void answer(
            HttpServerExchange exchange,
            Route route,
            Account account,
            ExchangeSink client,
            KeyContext context,
            Decision decision,
            byte[] body,
            byte[] sent) {
        CacheRequest request = decision.request();
        CacheControls controls = decision.controls();
        CacheKey key = decision.key();
        BypassReason bypass = decision.bypass();
        Preset preset = decision.preset();
        client.expect(controls, bypass, key);
        if (decision.flaw() != null) {
            client.fail(decision.flaw());
            return;
        }
        account.request(
                key == null ? request.upstreamModel() : models.name(key, request),
                preset == null ? null : preset.slug(),
                key == null ? request.stream() : key.streaming());
        Upstream upstream = call(exchange, route, decision.outgoing(), controls.enabled());
        if (key != null) {
            // The shortcut makes the key of what it sees of a body.
            if (body == sent) {
                Shortcut.of(exchange).learn(exchange, context, account.caller(), controls);
            }
            CacheRequest outlineOf = controls.directives().noStore() ? null : request;
            cache.pipeline().respond(key, controls, identified(account, outlineOf, body, upstream), client);
        } else if (bypass != null && controls.enabled()) {
            cache.pipeline().bypass(bypass, controls, identified(account, null, body, upstream), client);
        } else {
            cache.respond(request, controls, identified(account, null, body, upstream), client);
        }
        if (cancelWhenAbandoned || !controls.enabled() || bypass != null) {
            leaveWithClient(exchange, client);
        } else if (exchange.isRequestComplete()) {
            client.noticeLeaving();
        }
    }

    /** A body that is not held in memory: caching is off, or the body no business of the cache. */
    private void cacheless(
            HttpServerExchange exchange,
            Route route,
            Account account,
            ExchangeSink client,
            CacheControls asked,
            BypassReason reason,
            HttpRequest.BodyPublisher body) {
        Upstream upstream = identified(account, null, NOTHING, call(exchange, route, () -> body, false));
        if (asked.enabled()) {
            cache.pipeline().bypass(reason, asked, upstream, client);
        } else {
            start(upstream, client);
        }
        leaveWithClient(exchange, client);
    }

    // ---- helpers

    private void failWhenRead(HttpServerExchange exchange, ExchangeSink client, ProxyException why) {
        EarlyAnswer.once(exchange, reading, flaw -> client.fail(flaw == null ? why : flaw));
    }

    /** A call to the upstream; nothing is built or sent before it is fetched, which a hit never does. */
    private Upstream call(
            HttpServerExchange exchange,
            Route route,
            Supplier<HttpRequest.BodyPublisher> body,
            boolean identityCoding) {
        return sink -> {
            try {
                HttpRequest.BodyPublisher publisher = body.get();
                HttpRequest request = provider(route)
                        .request(
                                exchange.getRequestMethod().toString(),
                                providersRoute(exchange, route),
                                exchange.getQueryString(),
                                new HeaderFields(exchange.getRequestHeaders()),
                                publisher,
                                identityCoding);
                boolean isRepeatable = !(publisher instanceof StreamedBody);
                return new UpstreamCall(
                                client,
                                request,
                                isRepeatable,
                                Shortcut.of(exchange).hasServed())
                        .fetch(sink);
            } catch (ProxyException e) {
                sink.fail(e);
                return Upstream.Call.UNSTOPPABLE;
            }
        };
    }

    /**
     * The same call with every answer given its generation id, and shown to the log.
     *
     * @param outlineOf the request to keep an outline of if it is answered, or null
     * @param body of that request
     */
    private Upstream identified(Account account, CacheRequest outlineOf, byte[] body, Upstream upstream) {
        return sink -> {
            ResponseSink outlined = outlineOf != null && outlines.isOn() ? outlined(outlineOf, body, sink) : sink;
            ProviderCall started = account.callStarted();
            try {
                return upstream.fetch(new MeteringSink(
                        account.endpoint(),
                        started,
                        new IdentifySink(outlined, cache.admin().memory()),
                        cache.admin().memory()));
            } catch (RuntimeException | Error e) {
                started.ended(AnswerFacts.NONE);
                throw e;
            }
        };
    }

    private OutlineSink outlined(CacheRequest request, byte[] body, ResponseSink sink) {
        return new OutlineSink(
                head -> outlines.add(
                        () -> cache.admin().keyParts(request).orElseThrow(),
                        head.generationId(),
                        System.currentTimeMillis(),
                        body),
                sink);
    }

    /** Makes a call that the cache has no part in: it ends when the client goes. */
    private static void start(Upstream upstream, ResponseSink client) {
        Upstream.Call call = upstream.fetch(client);
        client.whenGone(call::cancel);
    }

    /** Who made a response knows it, and is asked for it. */
    private Provider provider(Route route) {
        return provider(route.responseId() == null ? route.endpoint() : Endpoint.RESPONSES);
    }

    /** The route with the provider's id of a response in place of the one that a hit gave it (W26b). */
    private Route providersRoute(HttpServerExchange exchange, Route route) {
        String id = route.responseId();
        return id == null
                ? route
                : cache.pipeline()
                        .providerId(caller(exchange).scope(), id)
                        .map(route::withResponseId)
                        .orElse(route);
    }

    /** The provider of an endpoint; null is any other path. */
    Provider provider(Endpoint endpoint) {
        return endpoint == null ? defaultProvider : providers.getOrDefault(endpoint, defaultProvider);
    }

    private long limit(Endpoint endpoint) {
        return endpoint == null ? maxForwardedBytes : maxBodyBytes;
    }

    private static String limitSetting(Endpoint endpoint) {
        return endpoint == null ? "limits.forwarded-body" : "limits.request-body";
    }

    /** Whether this asks for the record of a generation (W60). */
    private static boolean isGeneration(Route route, HttpServerExchange exchange) {
        return route.path().equals("/generation")
                && exchange.getRequestMethod().equals(Methods.GET)
                && exchange.getQueryParameters().containsKey("id")
                && exchange.isRequestComplete();
    }

    /** Whether the client wants to go on in websockets, which only HTTP/1.1 lets it ask for (RFC 9110, 7.8). */
    private static boolean isForWebSocket(HttpServerExchange exchange) {
        HeaderValues protocols = exchange.getRequestHeaders().get(Headers.UPGRADE);
        if (protocols == null || !exchange.getProtocol().equals(Protocols.HTTP_1_1)) {
            return false;
        }
        for (String line : protocols) {
            for (String protocol : line.split(",", -1)) {
                if (protocol.trim().equalsIgnoreCase("websocket")) {
                    return true;
                }
            }
        }
        return false;
    }

    private HttpRequest.BodyPublisher unread(HttpServerExchange exchange, Endpoint endpoint, ExchangeSink client) {
        return exchange.isRequestComplete()
                ? null
                : streamed(exchange, endpoint, client, NOTHING, exchange.getRequestChannel());
    }

    private StreamedBody streamed(
            HttpServerExchange exchange,
            Endpoint endpoint,
            ExchangeSink client,
            byte[] beginning,
            StreamSourceChannel rest) {
        return new StreamedBody(
                exchange,
                beginning,
                rest,
                limit(endpoint),
                limitSetting(endpoint),
                reading,
                () -> leaveWithClient(exchange, client));
    }

    /** Breaks off what only this client wants when it goes; while it sends, its request fails if it goes. */
    private static void leaveWithClient(HttpServerExchange exchange, ExchangeSink client) {
        if (exchange.isRequestComplete()) {
            client.leaveWithClient();
        }
    }

    private static CacheControls controls(HttpServerExchange exchange, Endpoint endpoint, Preset preset) {
        return endpoint == null ? CacheControls.OFF : Decision.controls(exchange.getRequestHeaders(), preset);
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
}
