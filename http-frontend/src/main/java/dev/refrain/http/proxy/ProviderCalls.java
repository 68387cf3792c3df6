package dev.refrain.http.proxy;

import dev.refrain.console.activity.MeteringSink;
import dev.refrain.console.activity.ProviderCall;
import dev.refrain.console.explain.OutlineSink;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http.upstream.UpstreamCall;
import dev.refrain.http.upstream.UpstreamRequest;
import dev.refrain.semantics.answer.IdentifySink;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.forward.RequestBody;
import dev.refrain.semantics.route.Route;
import java.util.concurrent.CompletionStage;
import java.util.function.UnaryOperator;

/** Makes calls to providers from requests. Nothing is built before a call is fetched, so a hit costs nothing here. */
final class ProviderCalls {
    private final Parts parts;
    private final MemoryBudget memory;

    ProviderCalls(Parts parts) {
        this.parts = parts;
        this.memory = parts.cache().admin().memory();
    }

    /** Makes a request's body when its call begins. */
    interface Body {
        /** Null if there is none. */
        RequestBody make() throws ProxyException;
    }

    /**
     * A call whose answer goes to the client alone, without a log.
     *
     * @param body makes the body
     * @param identityCoding whether to ask the provider not to compress its answer
     */
    Upstream of(ClientRequest request, Body body, boolean identityCoding) {
        return made(request, () -> request(request, body.make(), identityCoding));
    }

    /** A call that becomes a websocket if the provider agrees. */
    Upstream webSocket(ClientRequest request) {
        return made(
                request,
                () -> request(request, null, false)
                        .forWebSocket(request.client().tunnel()));
    }

    private interface Making {
        UpstreamRequest make() throws ProxyException;
    }

    private Upstream made(ClientRequest request, Making call) {
        return sink -> {
            try {
                UpstreamRequest made = call.make();
                request.client().fetches();
                boolean isKnown = request.shortcut().hasServed();
                Upstream provider = new UpstreamCall(parts.client(), made, isKnown, request.client()::interim);
                return parts.recorder()
                        .over(request.recorded(made.body()), provider)
                        .fetch(sink);
            } catch (ProxyException e) {
                sink.fail(e);
                return Upstream.Call.UNSTOPPABLE;
            }
        };
    }

    private UpstreamRequest request(ClientRequest request, RequestBody body, boolean identityCoding)
            throws ProxyException {
        boolean isRecorded = request.endpoint() != null && parts.recorder() != CallRecorder.NONE;
        return request.provider()
                .request(
                        request.method(),
                        providersRoute(request),
                        request.query(),
                        request.fieldsForProvider(),
                        body,
                        identityCoding || isRecorded);
    }

    /** The route with the provider's id of a response in place of the id that a hit gave that response (W26b). */
    private Route providersRoute(ClientRequest request) {
        Route route = request.route();
        String id = route.responseId();
        return id == null
                ? route
                : parts.cache()
                        .pipeline()
                        .providerId(request.caller().scope(), id)
                        .map(route::withResponseId)
                        .orElse(route);
    }

    /** Continues once the id of a response in the path is resolved, for which the shared tier may have to be asked. */
    void onceIdIsKnown(ClientRequest request, Runnable then) {
        String id = request.route().responseId();
        CompletionStage<Void> known = id == null
                ? null
                : parts.cache().pipeline().learnId(request.caller().scope(), id).orElse(null);
        if (known == null) {
            then.run();
        } else {
            goOn(request, known, () -> request.exchange().getIoThread().execute(() -> request.orFail(then)));
        }
    }

    /**
     * Resolves the ids of earlier answers in a body, for which the shared tier may have to be asked. Runs {@code now}
     * if they are known, else {@code again} once they are.
     */
    void onceIdsAreKnown(ClientRequest request, CacheRequest asked, Runnable now, Runnable again) {
        CompletionStage<Void> known = parts.cache().pipeline().learnIds(asked).orElse(null);
        if (known == null) {
            now.run();
        } else {
            goOn(request, known, () -> {
                request.forgetKey();
                again.run();
            });
        }
    }

    /** Runs the next step on a thread of the cache. Failures go to the request, since nobody else would see them. */
    private static void goOn(ClientRequest request, CompletionStage<Void> known, Runnable next) {
        var unused = known.whenComplete((nothing, failure) -> {
            if (failure == null) {
                request.orFail(next);
            } else {
                request.client().fail(failure);
            }
        });
    }

    /** Wraps a call, so that every answer gets its generation id and is reported to the log. */
    Upstream identified(ClientRequest request, Upstream upstream) {
        return identified(request, upstream, client -> client);
    }

    /**
     * Wraps a call like {@link #identified}. If it is answered, an outline of the request is kept.
     *
     * @param asked the request as the cache sees it
     * @param body the body from which the key was made
     */
    Upstream outlined(ClientRequest request, CacheKey key, CacheRequest asked, byte[] body, Upstream upstream) {
        if (!parts.outlines().isOn()) {
            return identified(request, upstream);
        }
        return identified(
                request,
                upstream,
                client -> new OutlineSink(
                        head -> parts.outlines()
                                .add(
                                        () -> parts.cache().admin().keyParts(key, asked),
                                        asked.heldBytes(),
                                        head.generationId(),
                                        System.currentTimeMillis(),
                                        body),
                        client));
    }

    private Upstream identified(ClientRequest request, Upstream upstream, UnaryOperator<ResponseSink> outline) {
        return sink -> {
            ProviderCall started =
                    request.account().callStarted(request.provider().base());
            try {
                return started.start(() -> upstream.fetch(new MeteringSink(
                        request.endpoint(), started, new IdentifySink(outline.apply(sink), memory), memory)));
            } catch (RuntimeException | Error e) {
                started.ended(AnswerFacts.NONE);
                throw e;
            }
        };
    }

    /**
     * The body for the provider. Reserves memory for it if it is a copy of its own, because ids were replaced or a
     * preset was merged.
     */
    static byte[] outgoing(Decision decision, byte[] body, byte[] sent, MemoryBudget.Reservation held)
            throws ProxyException {
        byte[] made = decision.outgoing().get();
        int counted = decision.isMerged() ? body.length : 0;
        if (made != body && made != sent && !held.grow(Math.max(0, made.length - counted))) {
            throw ProxyException.noRoom();
        }
        return made;
    }

    /** Makes a call in which the cache has no part. It is cancelled if the client leaves. */
    static void start(Upstream upstream, ResponseSink client) {
        Upstream.Call call = upstream.fetch(client);
        client.whenGone(call::cancel);
    }
}
