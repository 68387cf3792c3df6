package dev.refrain.semantics.client;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CachePipeline;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.CacheScope;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.GenerationId;
import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.CacheHeaders;
import dev.refrain.semantics.answer.ErrorBody;
import dev.refrain.semantics.answer.IdentifySink;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.forward.ForwardedFields;
import dev.refrain.semantics.items.ItemByItem;
import dev.refrain.semantics.policy.Policy;
import dev.refrain.semantics.preset.Presets;
import dev.refrain.semantics.replay.PacedSink;
import dev.refrain.semantics.replay.Replay;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A cache as the front-ends inside a JVM use it: {@link #execute} takes a client's request the way that a request takes
 * through the proxy. It decides, looks up, joins a call that is under way, or calls the provider with the wrapped
 * client, and stores what comes. Keys, header fields and records are those of the proxy.
 *
 * <p>Thread-safe. The cache is the program's, which closes it. Long, since both ways to ask go the same way.
 */
public final class ClientCache {
    private static final Logger LOG = LoggerFactory.getLogger(ClientCache.class);

    /** The cache's own fields of requests, beside those of the wire contract that the proxy takes away. */
    private static final String OWN_PREFIX = "x-refrain-";

    private static final Presets NO_PRESETS = new Presets(List.of());
    /** Bytes of a body that is looked into for the id of a hit only, as in the proxy (wire rule W26b). */
    private static final int SHORT_BODY = 64 * 1024;
    /** The shared tier has a timeout of its own, which is shorter; but all threads may be busy. */
    private static final long LONGEST_WAIT_MILLIS = 1_000;

    private final ResponseCache cache;
    private final Function<CacheRequest, Optional<CacheKey>> keys;
    private final RefrainOptions options;
    private final ClientHeads heads;

    private volatile boolean hasWarned;

    private ClientCache(ResponseCache cache, RefrainOptions options) {
        this.cache = cache;
        this.keys = cache::key;
        this.options = options;
        this.heads = new ClientHeads(cache, options);
    }

    /** The cache with these options. */
    public static ClientCache of(ResponseCache cache, RefrainOptions options) {
        return new ClientCache(cache, options);
    }

    /**
     * Whether a request's field tells the cache what to do; such fields are taken away from each request before it
     * leaves (wire rule W9).
     *
     * @param name in any case
     */
    public static boolean isForTheCache(String name) {
        return ForwardedFields.isForTheCache(name) || name.regionMatches(true, 0, OWN_PREFIX, 0, OWN_PREFIX.length());
    }

    /**
     * The path under which a request that passes the cache by has to leave: where it names an answer by the id that a
     * hit gave it, the provider's own id stands in its place (wire rule W26b). Waits for the shared tier, if there is
     * one and the hit may have been another machine's.
     *
     * @return null if that is the path that it has
     */
    public String providersPath(ClientRequest request) {
        ProviderPath path = ProviderPath.of(request.method(), request.url());
        String id = path == null ? null : path.route().responseId();
        if (id == null) {
            return null;
        }
        CacheScope scope = heads.caller(request).scope();
        await(cache.pipeline().learnId(scope, id));
        return cache.pipeline().providerId(scope, id).map(path::withResponseId).orElse(null);
    }

    /**
     * Answers a request. Waits until the answer begins; on a hit that is at once, on this thread, and the answer is
     * whole.
     *
     * @return null if the cache has no part in the request: then it is sent as it is, with its body if that was read,
     *     but for what {@link #isForTheCache} and {@link #providersPath} say
     * @throws IOException what the client has thrown, or that the request was cancelled or took too long. Also its
     *     {@link RuntimeException}s come as they are
     */
    public ClientAnswer execute(ClientRequest request) throws IOException {
        Exchange exchange = begin(request);
        if (exchange == null) {
            return null;
        }
        if (exchange.isStored()) {
            return exchange.answer();
        }
        exchange.start();
        try {
            exchange.client.awaitHead();
        } catch (IOException e) {
            exchange.client.close();
            throw e;
        }
        return exchange.answer();
    }

    /**
     * Answers a request like {@link #execute}, without waiting; but for the shared tier, if there is one and the
     * request names an earlier answer that this machine does not know.
     *
     * @param response makes what the program gets of the answer, which is closed if nobody takes it
     * @param failure makes what the program gets of what {@code execute} would throw
     * @return null if the cache has no part in the request. A hit has completed it already; otherwise it completes on a
     *     thread of the executor, which may wait for the answer's body. It fails with what {@code failure} makes, as it
     *     is. Whoever cancels it leaves (wire rule W29)
     */
    public <T> CompletableFuture<T> executeAsync(
            ClientRequest request, Function<ClientAnswer, T> response, UnaryOperator<Throwable> failure) {
        CompletableFuture<T> told = new CompletableFuture<>();
        Exchange exchange;
        try {
            exchange = begin(request);
        } catch (IOException e) {
            told.completeExceptionally(failure.apply(e));
            return told;
        }
        if (exchange == null) {
            return null;
        }
        if (exchange.isStored()) {
            exchange.complete(told, response, failure);
            return told;
        }
        exchange.start();
        ClientExchange client = exchange.client;
        if (client.head() != null || client.failure() != null) {
            exchange.complete(told, response, failure);
            return told;
        }
        // Whoever is told may read the body on the thread that tells, which so must not be the one that brings it.
        client.whenBegun(() -> {
            try {
                options.executor().execute(() -> exchange.complete(told, response, failure));
            } catch (RejectedExecutionException e) {
                told.completeExceptionally(
                        failure.apply(new IOException("the executor of RefrainOptions takes no more tasks", e)));
                client.close();
            }
        });
        Executor threads = options.executor();
        Runnable late = () -> exchange.late(told, new SocketTimeoutException("timeout"), failure);
        Deadline.of(
                request.timeout(),
                told,
                threads,
                () -> exchange.late(told, new InterruptedIOException("timeout"), failure));
        Deadline.of(request.timeToBegin(), told, threads, late);
        Deadline.of(request.readTimeout(), told, threads, () -> {
            if (!client.isCalling()) {
                late.run();
            }
        });
        told.whenComplete((taken, thrown) -> {
            if (told.isCancelled()) {
                client.close();
            }
        });
        return told;
    }

    /** The same with the answer and what is thrown as they are. */
    public CompletableFuture<ClientAnswer> executeAsync(ClientRequest request) {
        return executeAsync(request, answer -> answer, thrown -> thrown);
    }

    /** Has threads for what would wait, such as reading an answer that is still under way. */
    public Executor threads() {
        return options.executor();
    }

    /** Decides; null if the cache has no part in the request. */
    private Exchange begin(ClientRequest request) throws IOException {
        ClientHead head = heads.of(request);
        if (head == null) {
            return null;
        }
        Exchange exchange = new Exchange(request, head);
        if (ClientHeads.isOff(head.asked()) && !options.isRecorded()) {
            byte[] changed = withProvidersIds(exchange, head);
            return changed == null && options.log() == RequestLog.NONE
                    ? null
                    : exchange.off(head.asked().policyByHead(), changed);
        }
        if (head.isAnonymous()) {
            warn();
            return exchange.bypass(BypassReason.NO_CREDENTIAL);
        }
        ContentCoding coding = head.coding();
        if (coding == ContentCoding.OTHER) {
            return exchange.bypass(BypassReason.CONTENT_ENCODING);
        }
        int limit = cache.admin().maxRequestBytes();
        byte[] sent = exchange.read(limit);
        if (sent == null || sent.length > limit) {
            return exchange.bypass(BypassReason.PAYLOAD_TOO_LARGE);
        }
        if (head.isPlain()) {
            // Most requests are, and a hit then is one step.
            CachePipeline.Found found = cache.pipeline()
                    .find(head.context(), sent, head.asked().alone().directives());
            if (found.body() != null) {
                return exchange.hit(head, found, sent);
            }
            exchange.hasLooked = true;
            return decide(exchange, head, found.key() == null ? keys : asked -> Optional.of(found.key()), sent, sent);
        }
        if (coding == ContentCoding.IDENTITY) {
            return decide(exchange, head, keys, sent, sent);
        }
        try (MemoryBudget.Reservation held = cache.admin().memory().open()) {
            return decide(exchange, head, keys, coding.decode(sent, limit, held), sent);
        } catch (ContentCoding.TooLong e) {
            return exchange.bypass(BypassReason.PAYLOAD_TOO_LARGE);
        } catch (IOException notInItsCoding) {
            return exchange.bypass(BypassReason.CONTENT_ENCODING);
        }
    }

    /** The body of a request that is not cached; null if it names no answer by the id that a hit gave it. */
    private byte[] withProvidersIds(Exchange exchange, ClientHead head) throws IOException {
        if (!ClientHeads.mayNameAnAnswer(head.endpoint()) || head.coding() != ContentCoding.IDENTITY) {
            return null;
        }
        byte[] sent = exchange.read(SHORT_BODY);
        if (sent == null || sent.length > SHORT_BODY) {
            return null;
        }
        CacheRequest named = CacheRequest.of(head.context(), sent);
        await(cache.pipeline().learnIds(named));
        CacheRequest known = cache.pipeline().withProviderIds(named);
        return known == named ? null : known.upstreamBody();
    }

    private Exchange decide(
            Exchange exchange,
            ClientHead head,
            Function<CacheRequest, Optional<CacheKey>> keyOf,
            byte[] body,
            byte[] sent) {
        Decision decision =
                Decision.of(cache, keyOf, NO_PRESETS, head.context(), head.asked(), head.coding(), body, sent);
        if (await(cache.pipeline().learnIds(decision.request()))) {
            // Its key is another one, now that the earlier answer that it names is known.
            decision = Decision.of(cache, keys, NO_PRESETS, head.context(), head.asked(), head.coding(), body, sent);
            exchange.hasLooked = false;
        }
        ItemByItem items =
                ItemByItem.of(cache, options.rules(), decision, head.context(), head.asked(), body, body == sent);
        return exchange.decided(decision, sent, items);
    }

    /** Waits for what another machine knows of an id, if there is something to wait for. Returns whether there was. */
    private static boolean await(Optional<CompletionStage<Void>> ids) {
        ids.ifPresent(known -> known.toCompletableFuture()
                .copy()
                .completeOnTimeout(null, LONGEST_WAIT_MILLIS, TimeUnit.MILLISECONDS)
                .join());
        return ids.isPresent();
    }

    private void warn() {
        if (!hasWarned) {
            hasWarned = true;
            LOG.warn("Nothing is cached for a client whose requests show no credential where the cache sees them."
                    + " Say with RefrainOptions.scope who may share their answers; an empty scope is that of all"
                    + " who show none");
        }
    }

    /** One request on its way. */
    private final class Exchange implements Upstream {
        private final ClientRequest request;
        private final Endpoint endpoint;
        private final RequestRecord record;
        private final Replay replay;
        private CacheControls controls;
        /** Null until the request is started. */
        private ClientExchange client;

        /** Whether the store has been asked, in vain. */
        private boolean hasLooked;
        /** Null unless the store had the answer. */
        private ClientAnswer stored;

        private CacheKey key;
        private BypassReason bypass;
        private CacheOutcome ifItFails;
        /** Makes the body that leaves; null if the request leaves with the one that it has. */
        private Supplier<byte[]> outgoing;

        private byte[] sent;
        /** Null unless the request is answered item by item. */
        private ItemByItem items;

        Exchange(ClientRequest request, ClientHead head) {
            this.request = request;
            this.endpoint = head.endpoint();
            this.controls = head.asked().alone();
            this.replay = head.asked().replay();
            this.record = options.log().begin(endpoint, head.caller());
        }

        /** The request's body, as {@link ClientRequest#body} gives it. */
        byte[] read(int limit) throws IOException {
            try {
                return request.body(limit);
            } catch (IOException | RuntimeException | Error e) {
                // So that the log hears of its end.
                record.served(true);
                throw e;
            }
        }

        /**
         * Passed on as if there were no cache.
         *
         * @param changed the body that leaves; null if it is the one that there is
         */
        Exchange off(Policy policy, byte[] changed) {
            outgoing = changed == null ? null : () -> changed;
            record.policy(policy == null ? null : policy.name());
            record.asked(null, null, null);
            return this;
        }

        Exchange bypass(BypassReason reason) {
            bypass = reason;
            if (options.isRecorded()) {
                controls = CacheControls.OFF;
            }
            // Off if only a body might have turned it on.
            ifItFails = controls.enabled() ? new CacheOutcome.Bypass(reason) : null;
            record.asked(ifItFails, null, null);
            return this;
        }

        Exchange decided(Decision made, byte[] body, ItemByItem oneByOne) {
            controls = options.isRecorded() ? CacheControls.OFF : made.controls();
            items = controls.enabled() ? oneByOne : null;
            record.policy(made.policyName());
            if (made.key() == null && controls.enabled()) {
                return bypass(made.bypass());
            }
            outgoing = made.outgoing();
            sent = body;
            if (!controls.enabled()) {
                // By a policy that knows the body, or recorded: passed on as if there were no cache.
                record.asked(null, null, null);
                return this;
            }
            key = made.key();
            ForwardReason reason = controls.directives().noCache() ? ForwardReason.REQUEST : ForwardReason.MISS;
            ifItFails = new CacheOutcome.Miss(controls.ttl().toSeconds(), false, reason);
            CacheRequest asked = made.request();
            record.asked(ifItFails, key, asked);
            return this;
        }

        /** The store has the answer to a request of which the head says all. */
        Exchange hit(ClientHead head, CachePipeline.Found found, byte[] body) {
            Policy policy = head.asked().policyByHead();
            record.policy(policy == null ? null : policy.name());
            record.asked(head.missed(), found.key(), CacheRequest.of(head.context(), body));
            take(found);
            return this;
        }

        /** Looks whether the answer is stored, and takes it; then the request is not started. */
        boolean isStored() {
            if (stored != null) {
                return true;
            }
            if (hasLooked
                    || key == null
                    || !replay.isInstant()
                    || controls.clear()
                    || controls.directives().noCache()) {
                return false;
            }
            CachePipeline.Found found = cache.pipeline().find(key, controls.directives());
            if (found.body() == null) {
                return false;
            }
            take(found);
            return true;
        }

        private void take(CachePipeline.Found found) {
            ResponseHead head = found.head();
            record.head(head.status(), head.generationId(), head.cache());
            record.wrote(found.body().length);
            record.served(false);
            stored = ClientAnswer.of(head, found.key(), record, found.body());
        }

        void start() {
            client = new ClientExchange(request, record, cache.admin().memory());
            ResponseSink paced = key == null
                    ? client
                    : PacedSink.of(
                            replay,
                            cache,
                            key,
                            (nanos, action) -> {
                                CompletableFuture.delayedExecutor(nanos, TimeUnit.NANOSECONDS, options.executor())
                                        .execute(action);
                                return () -> {};
                            },
                            client);
            if (items != null) {
                items.respond(this, some -> sink -> fetch(some, sink), client);
            } else if (!controls.enabled() || key != null) {
                cache.pipeline().respond(key, controls, this, paced);
            } else {
                cache.pipeline().bypass(bypass, controls, this, client);
            }
        }

        @Override
        public Call fetch(ResponseSink sink) {
            return fetch(outgoing == null ? null : outgoing.get(), sink);
        }

        /** The body may be null for the one that the request has. */
        private Call fetch(byte[] leaving, ResponseSink sink) {
            client.calling();
            ResponseSink first = record.calling(
                    new IdentifySink(sink, cache.admin().memory()),
                    cache.admin().memory());
            Upstream provider =
                    answer -> ProviderPump.start(request, leaving == sent ? null : leaving, options.executor(), answer);
            return options.isRecorded()
                    ? options.recorder().over(recorded(leaving), provider).fetch(first)
                    : provider.fetch(first);
        }

        private CallRecorder.Call recorded(byte[] leaving) {
            ProviderPath path = ProviderPath.of(request.method(), request.url());
            return new CallRecorder.Call(
                    endpoint,
                    path.route().deployment(),
                    request.url().query(),
                    new KeyFields(request.fields(), options),
                    leaving);
        }

        @SuppressWarnings("CatchingUnchecked") // whatever it is, somebody waits for it
        <T> void complete(
                CompletableFuture<T> told, Function<ClientAnswer, T> response, UnaryOperator<Throwable> failure) {
            try {
                ClientAnswer answer = answer();
                if (!told.complete(response.apply(answer))) {
                    answer.close();
                }
            } catch (Throwable e) {
                told.completeExceptionally(failure.apply(e));
            }
        }

        /** Ends the wait, on a thread on which what hangs on it may take its time. */
        void late(CompletableFuture<?> told, IOException timeout, UnaryOperator<Throwable> failure) {
            if (told.completeExceptionally(failure.apply(timeout))) {
                client.close();
            }
        }

        /** The answer, once it has begun, or why there is none. */
        ClientAnswer answer() throws IOException {
            if (stored != null) {
                return stored;
            }
            ResponseHead head = client.head();
            if (head == null) {
                return failed(client.failure());
            }
            byte[] whole = client.takeWhole();
            return whole == null
                    ? ClientAnswer.of(head, key, record, client)
                    : ClientAnswer.of(head, key, record, whole);
        }

        /** What the cache itself refuses is an answer, as from the proxy; the client's own failures are its own. */
        private ClientAnswer failed(Throwable failure) throws IOException {
            if (!(failure instanceof NotCachedException
                    || failure instanceof MemoryBudget.Exhausted
                    || failure instanceof ProxyException)) {
                client.close();
                if (failure instanceof RuntimeException thrown) {
                    throw thrown;
                } else if (failure instanceof Error thrown) {
                    throw thrown;
                }
                throw ClientExchange.io(failure);
            }
            ProxyException refusal = ProxyException.of(failure);
            byte[] body = ErrorBody.of(endpoint, refusal);
            String id = GenerationId.mint(System.currentTimeMillis() / 1000);
            record.head(refusal.status(), id, ifItFails);
            record.failed(refusal.reason());
            record.wrote(body.length);
            client.close();
            AnswerFields fields = new AnswerFields();
            fields.set("Content-Type", "application/json");
            fields.set("Content-Length", Integer.toString(body.length));
            if (refusal.status() == 503) {
                fields.set("Retry-After", "1");
            }
            if (refusal.isLasting()) {
                fields.set("x-should-retry", "false");
            }
            fields.set("X-Generation-Id", id);
            CacheHeaders.write(ifItFails, key, refusal, fields);
            return ClientAnswer.of(refusal.status(), fields, body);
        }
    }
}
