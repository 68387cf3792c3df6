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
 * A cache for front-ends inside a JVM. {@link #execute} handles a client's request as the proxy does: it decides, looks
 * up, joins a call that is under way or calls the provider with the wrapped client, and stores the answer. Keys, header
 * fields and records are those of the proxy.
 *
 * <p>Thread-safe. The program owns the cache and closes it. Long, since blocking and asynchronous calls share all of
 * its steps.
 */
public final class ClientCache {
    private static final Logger LOG = LoggerFactory.getLogger(ClientCache.class);

    /** Prefix of Refrain's own request fields, which are removed before a request leaves, like the contract's. */
    private static final String OWN_PREFIX = "x-refrain-";

    private static final Presets NO_PRESETS = new Presets(List.of());
    /** Longest body, in bytes, that is searched for a hit's id while caching is off, as in the proxy (W26b). */
    private static final int SHORT_BODY = 64 * 1024;
    /** Longest wait for the shared tier. Its own timeout is shorter, but may fire late when all threads are busy. */
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

    /** A front-end's view of a cache, with these options. */
    public static ClientCache of(ResponseCache cache, RefrainOptions options) {
        return new ClientCache(cache, options);
    }

    /**
     * Whether a request's field tells the cache what to do. Such fields are removed from each request before it leaves
     * (wire rule W9).
     *
     * @param name in any case
     */
    public static boolean isForTheCache(String name) {
        return ForwardedFields.isForTheCache(name) || name.regionMatches(true, 0, OWN_PREFIX, 0, OWN_PREFIX.length());
    }

    /**
     * The path to which a request that bypasses the cache must be sent. If the request's own path names an answer by an
     * id that a hit gave, the provider's id replaces that id (wire rule W26b). Waits for the shared tier if there is
     * one and the hit may have been on another machine.
     *
     * @return the changed path; null if the request's own is right
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
     * Answers a request. Waits until the answer begins. A hit is answered at once, on this thread, and whole.
     *
     * @return null if the cache has no part in the request. The front-end then sends it, with its body if that was
     *     read, without the fields of {@link #isForTheCache} and to the path of {@link #providersPath}
     * @throws IOException what the client has thrown, or if the request was cancelled or timed out. The client's
     *     {@link RuntimeException}s are passed on as they are
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
     * Answers a request like {@link #execute}, without waiting. Only if the request names an earlier answer that this
     * machine does not know, it waits for the shared tier.
     *
     * @param response converts the answer for the program. If the future has been completed in another way, the answer
     *     is closed
     * @param failure converts what {@code execute} would throw
     * @return null if the cache has no part in the request. On a hit, the future is complete already. Otherwise it
     *     completes on a thread of the executor, on which dependents may wait for the answer's body. It fails with
     *     exactly what {@code failure} returns. Cancelling the future counts as leaving (wire rule W29)
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
        // Dependents may block on the body, so the thread that delivers the body must not complete the future.
        client.whenBegun(() -> {
            try {
                options.executor().execute(() -> exchange.complete(told, response, failure));
            } catch (RejectedExecutionException e) {
                told.completeExceptionally(failure.apply(
                        new IOException("the executor in RefrainOptions refuses tasks; has it been shut down?", e)));
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

    /** Answers a request without waiting, with answer and failure unconverted. */
    public CompletableFuture<ClientAnswer> executeAsync(ClientRequest request) {
        return executeAsync(request, answer -> answer, thrown -> thrown);
    }

    /** Runs tasks that may wait, such as reading an answer that is still arriving. */
    public Executor threads() {
        return options.executor();
    }

    /** Decides how a request is answered; null if the cache has no part in it. */
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
            // Most requests are plain, and their hits take one lookup.
            CachePipeline.Found found = cache.pipeline()
                    .find(head.context(), sent, head.asked().alone().directives());
            if (found.body() != null) {
                return exchange.hit(head, found, sent);
            }
            exchange.hasMissed = true;
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

    /**
     * The body to send for a request that is not cached, with the provider's ids in place of ids that hits gave. Null
     * if the body names no such id.
     */
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
            // The earlier answer that the request names is now known, which changes the key.
            decision = Decision.of(cache, keys, NO_PRESETS, head.context(), head.asked(), head.coding(), body, sent);
            exchange.hasMissed = false;
        }
        ItemByItem items =
                ItemByItem.of(cache, options.rules(), decision, head.context(), head.asked(), body, body == sent);
        return exchange.decided(decision, sent, items);
    }

    /** Waits for what the shared tier knows of ids. Returns false if there was nothing to wait for. */
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
            LOG.warn("Nothing is cached for a client whose requests carry no credential that the cache can see. Set "
                    + "RefrainOptions.scope to name who shares their answers; an empty scope shares them among all "
                    + "requests without a credential");
        }
    }

    /** One request on its way. */
    private final class Exchange implements Upstream {
        private final ClientRequest request;
        private final Endpoint endpoint;
        private final RequestRecord record;
        private final Replay replay;
        private CacheControls controls;
        /** Hands the answer to the program; null until the request is started. */
        private ClientExchange client;

        /** Whether the store has been looked up without a hit. */
        private boolean hasMissed;
        /** The answer from the store; null if it had none. */
        private ClientAnswer stored;

        private CacheKey key;
        private BypassReason bypass;
        private CacheOutcome ifItFails;
        /** Makes the body to send; null if the request's own is sent. */
        private Supplier<byte[]> outgoing;

        private byte[] sent;
        /** Answers the request item by item; null if it is answered as a whole. */
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
                // The log must learn that the request has ended.
                record.served(true);
                throw e;
            }
        }

        /**
         * Passes the request on as if there were no cache.
         *
         * @param changed the body to send; null for the request's own
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
            // If only the body could have turned caching on, caching counts as off.
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
                // A policy that looks at the body, or a recorder, has turned caching off: the request is passed on as
                // if there were no cache.
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

        /** The store has the answer to a plain request. */
        Exchange hit(ClientHead head, CachePipeline.Found found, byte[] body) {
            Policy policy = head.asked().policyByHead();
            record.policy(policy == null ? null : policy.name());
            record.asked(head.missed(), found.key(), CacheRequest.of(head.context(), body));
            take(found);
            return this;
        }

        /** Takes the answer if it is stored. The request is then never started. */
        boolean isStored() {
            if (stored != null) {
                return true;
            }
            if (hasMissed
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

        /** Sends this body, or the request's own if null. */
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

        @SuppressWarnings("CatchingUnchecked") // whatever is thrown, a caller waits for it
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

        /** Fails the future with a timeout, on a thread on which its dependents may wait. */
        void late(CompletableFuture<?> told, IOException timeout, UnaryOperator<Throwable> failure) {
            if (told.completeExceptionally(failure.apply(timeout))) {
                client.close();
            }
        }

        /** The answer once it has begun; throws the failure if there is none. */
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

        /** A refusal by the cache becomes an error answer, as from the proxy. Failures of the client are thrown. */
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
