package dev.refrain.semantics.client;

import dev.refrain.engine.CacheControls;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
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
import dev.refrain.semantics.forward.ForwardedFields;
import dev.refrain.semantics.preset.Presets;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A cache as the front-ends inside a JVM use it: {@link #execute} takes a client's request the way that a request takes
 * through the proxy. It decides, looks up, joins a call that is under way, or calls the provider with the wrapped
 * client, and stores what comes. Keys, header fields and records are those of the proxy.
 *
 * <p>Thread-safe. The cache is the program's, which closes it.
 */
public final class ClientCache {
    private static final Logger LOG = LoggerFactory.getLogger(ClientCache.class);

    /** The cache's own fields of requests, beside those of the wire contract that the proxy takes away. */
    private static final String OWN_PREFIX = "x-refrain-";

    private static final Presets NO_PRESETS = new Presets(List.of());

    private final ResponseCache cache;
    private final RefrainOptions options;
    private final ClientHeads heads;

    private volatile boolean hasWarned;

    private ClientCache(ResponseCache cache, RefrainOptions options) {
        this.cache = cache;
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
     * hit gave it, the provider's own id stands in its place (wire rule W26b).
     *
     * @return null if that is the path that it has
     */
    public String providersPath(ClientRequest request) {
        ProviderPath path = ProviderPath.of(request.method(), request.url());
        String id = path == null ? null : path.route().responseId();
        if (id == null) {
            return null;
        }
        return cache.pipeline()
                .providerId(heads.caller(request).scope(), id)
                .map(path::withResponseId)
                .orElse(null);
    }

    /**
     * Answers a request. Waits until the answer begins; on a hit that is at once, on this thread, and the answer is
     * whole.
     *
     * @return null if the cache has no part in the request: then it is sent as it is, but for what
     *     {@link #isForTheCache} and {@link #providersPath} say
     * @throws IOException what the client has thrown, or that the request was cancelled or took too long. Also its
     *     {@link RuntimeException}s come as they are
     */
    public ClientAnswer execute(ClientRequest request) throws IOException {
        Exchange exchange = begin(request);
        if (exchange == null) {
            return null;
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
     * Answers a request like {@link #execute}, without waiting.
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
                told.completeExceptionally(failure.apply(new IOException("the client's threads have been stopped", e)));
                client.close();
            }
        });
        Deadline.of(request.timeout(), told, () -> {
            if (told.completeExceptionally(failure.apply(new InterruptedIOException("timeout")))) {
                client.close();
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
        if (head.isAnonymous()) {
            warn();
            return exchange.bypass(BypassReason.NO_CREDENTIAL);
        }
        ContentCoding coding = head.coding();
        if (coding == ContentCoding.OTHER) {
            return exchange.bypass(BypassReason.CONTENT_ENCODING);
        }
        int limit = cache.admin().maxRequestBytes();
        byte[] sent;
        try {
            sent = request.body(limit);
        } catch (IOException | RuntimeException | Error e) {
            // So that the log hears of its end.
            exchange.client.close();
            throw e;
        }
        if (sent == null || sent.length > limit) {
            return exchange.bypass(BypassReason.PAYLOAD_TOO_LARGE);
        }
        try (MemoryBudget.Reservation held = cache.admin().memory().open()) {
            byte[] body = coding.decode(sent, limit, held);
            Decision decision =
                    Decision.of(cache, cache::key, NO_PRESETS, head.context(), head.asked(), coding, body, sent);
            return exchange.decided(decision, sent);
        } catch (ContentCoding.TooLong e) {
            return exchange.bypass(BypassReason.PAYLOAD_TOO_LARGE);
        } catch (IOException notInItsCoding) {
            return exchange.bypass(BypassReason.CONTENT_ENCODING);
        }
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
        private final ClientExchange client;
        private CacheControls controls;
        private CacheKey key;
        private BypassReason bypass;
        private CacheOutcome ifItFails;
        /** Null if the request leaves with the body that it has. */
        private Decision decision;

        private byte[] sent;

        Exchange(ClientRequest request, ClientHead head) {
            this.request = request;
            this.endpoint = head.endpoint();
            this.controls = head.asked().alone();
            this.record = options.log().begin(endpoint, head.caller());
            this.client = new ClientExchange(request, record, cache.admin().memory());
        }

        Exchange bypass(BypassReason reason) {
            bypass = reason;
            ifItFails = new CacheOutcome.Bypass(reason);
            record.asked(ifItFails, null, null);
            return this;
        }

        Exchange decided(Decision made, byte[] body) {
            controls = made.controls();
            if (made.key() == null && controls.enabled()) {
                return bypass(made.bypass());
            }
            decision = made;
            sent = body;
            if (!controls.enabled()) {
                // By a policy that knows the body: passed on as if there were no cache.
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

        void start() {
            if (!controls.enabled()) {
                cache.respond(decision.request(), controls, this, client);
            } else if (key != null) {
                cache.pipeline().respond(key, controls, this, client);
            } else {
                cache.pipeline().bypass(bypass, controls, this, client);
            }
        }

        @Override
        public Call fetch(ResponseSink sink) {
            byte[] outgoing = decision == null ? null : decision.outgoing().get();
            ResponseSink first = record.calling(
                    new IdentifySink(sink, cache.admin().memory()),
                    cache.admin().memory());
            return ProviderPump.start(request, outgoing == sent ? null : outgoing, options.executor(), first);
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

        /** The answer, once it has begun, or why there is none. */
        ClientAnswer answer() throws IOException {
            ResponseHead head = client.head();
            if (head == null) {
                return failed(client.failure());
            }
            byte[] whole = client.takeWhole();
            ClientAnswer answer =
                    new ClientAnswer(head.status(), whole, whole == null ? client : ClientAnswer.streamOf(whole));
            ForwardedFields.toClient(head.fields(), true, answer::set);
            if (head.contentType() != null) {
                answer.set("Content-Type", List.of(head.contentType()));
            }
            long length = whole == null ? head.contentLength() : whole.length;
            if (length >= 0) {
                answer.set("Content-Length", List.of(Long.toString(length)));
            }
            if (head.generationId() != null) {
                answer.set("X-Generation-Id", List.of(head.generationId()));
            }
            CacheHeaders.write(head.cache(), key, head.status(), record, answer);
            return answer;
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
            ClientAnswer answer = new ClientAnswer(refusal.status(), body, ClientAnswer.streamOf(body));
            answer.set("Content-Type", List.of("application/json"));
            answer.set("Content-Length", List.of(Integer.toString(body.length)));
            if (refusal.status() == 503) {
                answer.set("Retry-After", List.of("1"));
            }
            if (refusal.isLasting()) {
                answer.set("x-should-retry", List.of("false"));
            }
            answer.set("X-Generation-Id", List.of(id));
            CacheHeaders.write(ifItFails, key, refusal, answer);
            return answer;
        }
    }
}
