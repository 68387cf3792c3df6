package dev.refrain.http.proxy;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import dev.refrain.console.activity.GenerationRecords;
import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http.server.BodyReader;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.http.server.EarlyAnswer;
import dev.refrain.http.server.ExchangeSink;
import dev.refrain.http.server.FewAtATime;
import dev.refrain.http.server.LongBodies;
import dev.refrain.http.upstream.HeldBody;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.caller.Caller;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.semantics.items.ItemByItem;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.semantics.preset.Preset;
import dev.refrain.semantics.replay.PacedSink;
import dev.refrain.semantics.route.DotSegments;
import dev.refrain.semantics.route.Route;
import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.SameThreadExecutor;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xnio.XnioIoThread;
import org.xnio.channels.StreamSourceChannel;

/**
 * The steps of a request through the proxy: {@link #route}, {@link #read} the body, {@link #open} it, decide, and
 * {@link #answer}, which lets the engine answer. A {@link ClientRequest} carries what is known about the request.
 *
 * <p>Runs on the I/O thread of the request's connection and never blocks it.
 */
final class ProxyHandler implements HttpHandler {
    private static final Logger LOG = LoggerFactory.getLogger(ProxyHandler.class);

    /** Limit of the bodies that are held in memory in any case, in bytes. */
    private static final long SHORT_BODY = 64 * 1024;
    /** For at most this many items, an I/O thread gathers the answers itself. */
    private static final int FEW_ITEMS = 16;

    private final Parts parts;
    private final ResponseCache cache;
    private final ProviderCalls calls;
    private final GenerationRecords generations;
    private final FewAtATime takingBack = new FewAtATime(2);
    private final ClientLimits reading;
    private final int maxRequestBytes;

    ProxyHandler(Parts parts) {
        this.parts = parts;
        this.cache = parts.cache();
        this.calls = new ProviderCalls(parts);
        this.generations = new GenerationRecords(parts.activity(), cache.pipeline());
        this.reading = parts.limits().reading();
        this.maxRequestBytes = cache.admin().maxRequestBytes();
    }

    @Override
    public void handleRequest(HttpServerExchange exchange) {
        // Dispatched to this same thread, so that the exchange ends with its answer and not with this method.
        exchange.dispatch(SameThreadExecutor.INSTANCE, () -> route(new ClientRequest(exchange, parts)));
    }

    /** Refuses a request after reading its body, and closes the connection. Reports a malformed body instead. */
    void refuseWhenRead(HttpServerExchange exchange, ProxyException why) {
        exchange.setPersistent(false);
        exchange.dispatch(
                SameThreadExecutor.INSTANCE,
                () -> EarlyAnswer.once(exchange, reading, flaw -> refuse(exchange, flaw == null ? why : flaw)));
    }

    /** Refuses a request. */
    void refuse(HttpServerExchange exchange, ProxyException why) {
        exchange.dispatch(SameThreadExecutor.INSTANCE, () -> {
            ClientRequest request = new ClientRequest(exchange, parts);
            if (request.endpoint() != null) {
                request.client().expect(request.controls(), null, null);
            }
            request.client().fail(why);
        });
    }

    private void route(ClientRequest request) {
        Route route = request.route();
        boolean mayAsk = request.caller().mayAsk();
        long wait = mayAsk ? request.count() : 0;
        if (DotSegments.in(request.path())) {
            failWhenRead(request, ProxyException.dotSegment());
        } else if (!mayAsk || wait > 0) {
            request.client().shape(route == null ? null : route.named());
            failWhenRead(request, mayAsk ? ProxyException.tooManyRequests(wait) : ProxyException.unauthorized());
        } else if (route == null) {
            failWhenRead(request, ProxyException.notFound(request.exchange().getRequestPath()));
        } else if (route.named() != null && request.isForWebSocket()) {
            request.client().shape(route.named());
            failWhenRead(request, ProxyException.upgradeRequired());
        } else if (request.exchange().getRequestContentLength() > request.limit()) {
            request.client().expect(request.controls(), BypassReason.PAYLOAD_TOO_LARGE, null);
            request.client().fail(ProxyException.bodyTooLarge(request.limit(), request.limitSetting()));
        } else if (route.endpoint() != null) {
            read(request);
        } else if (request.isGeneration()) {
            generation(request);
        } else {
            forward(request);
        }
    }

    private void failWhenRead(ClientRequest request, ProxyException why) {
        EarlyAnswer.once(request.exchange(), reading, flaw -> request.client().fail(flaw == null ? why : flaw));
    }

    /** Answers for a generation that is recorded here. All others are the provider's (W60, W85). */
    private void generation(ClientRequest request) {
        HttpServerExchange exchange = request.exchange();
        String id = exchange.getQueryParameters().get("id").getFirst();
        Caller caller = request.caller();
        Runnable answer = () -> {
            if (!generations.answer(request.method(), id, caller, request.client())) {
                exchange.getIoThread().execute(() -> forward(request));
            }
        };
        Executor worker = exchange.getConnection().getWorker();
        if (request.method().equals("DELETE")) {
            // Taking an answer back may walk the whole store and wait for other machines. Only a few requests do so at
            // a time, as TLS needs the threads.
            takingBack.execute(answer, worker);
        } else {
            // The record may have to be read from disk.
            worker.execute(answer);
        }
    }

    /** Forwards a request to anything but the four endpoints (W2). */
    private void forward(ClientRequest request) {
        calls.onceIdIsKnown(request, () -> {
            Upstream call =
                    request.isForTunnel() ? calls.webSocket(request) : calls.of(request, request::unread, false);
            ProviderCalls.start(call, request.client());
            request.leaveWithClient();
        });
    }

    /** Holds a body in memory if it is short or the cache may use it. Streams any other through (W18). */
    private void read(ClientRequest request) {
        boolean isWanted = request.controls().enabled()
                || parts.recorder() != CallRecorder.NONE
                || !request.rules().presets().isEmpty()
                || request.asked().mayTurnOn();
        long length = request.exchange().getRequestContentLength();
        boolean isShort = length >= 0 && length <= SHORT_BODY;
        if (request.coding() == ContentCoding.OTHER) {
            cacheless(request, BypassReason.CONTENT_ENCODING, request.unread());
        } else if ((!isWanted && !isShort) || length > maxRequestBytes) {
            cacheless(request, BypassReason.PAYLOAD_TOO_LARGE, request.unread());
        } else {
            request.client().expect(request.controls(), BypassReason.PAYLOAD_TOO_LARGE, null);
            MemoryBudget.Reservation held = reading.memory().open();
            request.account().whenClosed(held::close);
            int limit = (int) Math.min(maxRequestBytes, parts.limits().bodyBytes());
            BodyReader.read(request.exchange(), limit, reading, held, new BodyReader.Receiver() {
                @Override
                public void complete(byte[] body) {
                    open(request, isWanted ? request.coding() : ContentCoding.IDENTITY, body, held);
                }

                @Override
                public void tooLong(byte[] beginning, StreamSourceChannel rest) {
                    cacheless(request, BypassReason.PAYLOAD_TOO_LARGE, request.streamed(beginning, rest));
                }

                @Override
                public void failed(ProxyException why) {
                    request.client().fail(why);
                }
            });
        }
    }

    /** Decodes a body and decides about the request; for a long body on another thread. */
    private void open(ClientRequest request, ContentCoding coding, byte[] sent, MemoryBudget.Reservation held) {
        boolean isPlain = coding == ContentCoding.IDENTITY;
        // The context is made here, before another thread needs it.
        request.context();
        if (sent.length <= (isPlain ? LongBodies.LONG : SHORT_BODY)) {
            try {
                byte[] body = coding.decode(sent, Math.min(LongBodies.LONG, maxRequestBytes), held);
                answerOnceIdsAreKnown(request, decision(request, body, sent, held), body, sent, held);
                return;
            } catch (ContentCoding.TooLong longer) {
                // The body is decoded on another thread.
            } catch (IOException | ProxyException flaw) {
                unopened(request, sent, flaw);
                return;
            }
        }
        AtomicReference<byte[]> body = new AtomicReference<>(sent);
        parts.longBodies()
                .run(
                        request.exchange(),
                        () -> {
                            body.set(coding.decode(sent, maxRequestBytes, held));
                            Decision decision = decision(request, body.get(), sent, held);
                            return isPlain ? decision : decision.prepared();
                        },
                        decision -> answerOnceIdsAreKnown(request, decision, body.get(), sent, held),
                        flaw -> unopened(request, sent, flaw));
    }

    /**
     * Answers after the shared tier was asked for unknown ids. An id that becomes known changes key and body (W26b).
     */
    private void answerOnceIdsAreKnown(
            ClientRequest request, Decision decision, byte[] body, byte[] sent, MemoryBudget.Reservation held) {
        // On another thread, as the body may be long.
        Runnable again = () -> parts.longBodies()
                .run(
                        request.exchange(),
                        () -> decision(request, body, sent, held),
                        known -> request.orFail(() -> answer(request, known, body, sent, held)),
                        flaw -> unopened(request, sent, flaw));
        Runnable now = () -> answer(request, decision, body, sent, held);
        calls.onceIdsAreKnown(request, decision.request(), now, again);
    }

    /** Forwards a body that could not be decoded, without the cache. */
    private void unopened(ClientRequest request, byte[] sent, Throwable why) {
        if (why instanceof ProxyException refusal) {
            request.client().fail(refusal);
            return;
        }
        if (!(why instanceof IOException)) {
            LOG.error("A request body of {} bytes could not be read by the cache: {}", sent.length, request.id(), why);
        }
        // A malformed body is the provider's to judge.
        BypassReason reason = why instanceof IOException && !(why instanceof ContentCoding.TooLong)
                ? BypassReason.CONTENT_ENCODING
                : BypassReason.PAYLOAD_TOO_LARGE;
        cacheless(request, reason, new HeldBody(sent));
    }

    /** Decides about a request. First reserves memory for a preset that may be merged into its body. */
    private Decision decision(ClientRequest request, byte[] body, byte[] sent, MemoryBudget.Reservation held)
            throws ProxyException {
        long before = held.bytes();
        if (!request.rules().presets().isEmpty() && !held.grow((long) Preset.RESOLVING_FACTOR * body.length)) {
            throw ProxyException.noRoom();
        }
        Decision decision = Decision.of(
                cache,
                request::key,
                request.rules().presets(),
                request.context(),
                request.asked(),
                request.coding(),
                body,
                sent);
        held.shrink(held.bytes() - before - (decision.isMerged() ? body.length : 0));
        return decision;
    }

    /**
     * Lets the engine answer a request whose body is in memory.
     *
     * @param body the body from which the key is made
     * @param sent the body as the client sent it, for the provider
     * @param held memory reserved for both
     */
    private void answer(
            ClientRequest request, Decision decision, byte[] body, byte[] sent, MemoryBudget.Reservation held) {
        ExchangeSink client = request.client();
        CacheRequest asked = decision.request();
        CacheControls controls = decision.controls();
        CacheKey key = decision.key();
        BypassReason bypass = decision.bypass();
        client.expect(controls, bypass, key);
        if (decision.flaw() != null) {
            client.fail(decision.flaw());
            return;
        }
        request.account()
                .request(
                        key == null ? asked.upstreamModel() : parts.models().name(key, asked),
                        decision.preset() == null ? null : decision.preset().slug(),
                        key == null ? asked.stream() : key.streaming());
        request.account().policy(decision.policyName());
        Upstream call = calls.of(
                request, () -> new HeldBody(ProviderCalls.outgoing(decision, body, sent, held)), controls.enabled());
        if (key != null) {
            // The shortcut makes keys from bodies as they are sent, picks none of several samples, and paces no answer.
            if (body == sent && request.asked().isPlain()) {
                request.shortcut()
                        .learn(
                                request.exchange(),
                                request.rules(),
                                request.account(),
                                request.context(),
                                request.caller(),
                                decision);
            }
            Upstream told = controls.directives().noStore()
                    ? calls.identified(request, call)
                    : calls.outlined(request, key, asked, body, call);
            Supplier<ItemByItem> items = () -> ItemByItem.of(
                    cache, request.rules().caching(), decision, request.context(), request.asked(), body, body == sent);
            Runnable whole = () -> cache.pipeline().respond(key, controls, told, paced(request, key));
            if (request.context().endpoint() == Endpoint.EMBEDDINGS) {
                embed(request, body.length > LongBodies.LONG, items, told, whole);
            } else {
                whole.run();
            }
        } else if (bypass != null && controls.enabled()) {
            cache.pipeline().bypass(bypass, controls, calls.identified(request, call), client);
        } else {
            cache.respond(asked, controls, calls.identified(request, call), client);
        }
        if (parts.limits().cancelWhenAbandoned() || !controls.enabled() || bypass != null) {
            request.leaveWithClient();
        } else if (request.exchange().isRequestComplete()) {
            client.noticeLeaving();
        }
    }

    /** The sink for a hit. If the request asks for a pace, a timer paces it. */
    private ResponseSink paced(ClientRequest request, CacheKey key) {
        if (request.asked().replay().isInstant()) {
            return request.client();
        }
        XnioIoThread io = request.exchange().getIoThread();
        PacedSink.Timer timer = (nanos, action) -> io.executeAfter(action, nanos, NANOSECONDS)::remove;
        return PacedSink.of(request.asked().replay(), cache, key, timer, request.client());
    }

    /** Answers embeddings item by item, or else as a whole; on another thread if the body is long or has many items. */
    private void embed(
            ClientRequest request, boolean isLong, Supplier<ItemByItem> items, Upstream all, Runnable whole) {
        ItemByItem.Part part = some -> calls.identified(request, calls.of(request, () -> new HeldBody(some), true));
        ItemByItem few = isLong ? null : items.get();
        if (!isLong && few == null) {
            whole.run();
        } else if (!isLong && few.size() <= FEW_ITEMS) {
            few.respond(all, part, request.client());
        } else {
            Callable<Boolean> gather = () -> {
                ItemByItem many = few == null ? items.get() : few;
                if (many != null) {
                    many.respond(all, part, request.client());
                }
                return many != null;
            };
            parts.longBodies()
                    .run(
                            request.exchange(),
                            gather,
                            done -> {
                                if (!done) {
                                    whole.run();
                                }
                            },
                            request.client()::fail);
        }
    }

    /** Forwards a request without the cache, because caching is off or the cache cannot use its body. */
    private void cacheless(ClientRequest request, BypassReason reason, RequestBody body) {
        CacheControls asked = request.controls();
        Policy policy = request.asked().policyByHead();
        request.account().policy(policy == null ? null : policy.name());
        request.client().expect(asked, reason, null);
        Upstream call = calls.identified(request, calls.of(request, () -> body, false));
        if (asked.enabled()) {
            cache.pipeline().bypass(reason, asked, call, request.client());
        } else {
            ProviderCalls.start(call, request.client());
        }
        request.leaveWithClient();
    }
}
