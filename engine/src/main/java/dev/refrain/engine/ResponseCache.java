package dev.refrain.engine;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.SystemProperties;
import dev.refrain.engine.internal.store.LastUse;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.slf4j.LoggerFactory;

/**
 * A cache of LLM API answers in a memory-mapped file.
 *
 * <p>{@link #respond} is the whole pipeline: eligibility, key, lookup, upstream call, capture. An embedder with a
 * pipeline of its own uses the parts: {@link #key}, {@link #lookup}, {@link #store}, or the steps of {@link #pipeline}.
 * Operators have {@link #admin}. Thread-safe. A cache that fails (a full disk, a damaged entry) misses or does not
 * store; it never throws at a caller for that, and never serves a wrong answer.
 */
public final class ResponseCache implements AutoCloseable {
    /*
     * Every use of the engine begins with this class, before the first logger makes slf4j look for a provider. Without one slf4j would
     * print three lines of advice; an embedder that wants no logging has decided so already.
     */
    static {
        // Read once, when the first logger is made; the property is the host's again after that.
        new SystemProperties(Map.of("slf4j.internal.verbosity", "ERROR"))
                .during(() -> LoggerFactory.getLogger(ResponseCache.class));
    }

    private final Answers answers;
    private final RequestKeys keys;
    private final CachePipeline pipeline;
    private final CacheAdmin admin;

    /**
     * @param lastUse of the store's file, or null if it has none
     * @param lastUseMillis when that was, before this use
     */
    ResponseCache(ResponseCacheBuilder builder, CacheStore store, LastUse lastUse, long lastUseMillis) {
        this.answers = new Answers(builder, store, lastUse, lastUseMillis);
        this.keys = answers.keys();
        Flights flights = new Flights();
        this.pipeline = new CachePipeline(
                answers,
                flights,
                new UpstreamCalls(builder.upstreamTimeout, builder.cancelWhenAbandoned, builder.silentCallNanos));
        this.admin = new CacheAdmin(answers, flights);
    }

    /**
     * Opens a cache with the default settings; see {@link ResponseCacheBuilder#open()}.
     *
     * @param file the store file, created if it is not there; two sidecar
     *     files, {@code .secret} and {@code .lock}, stand beside it
     * @param capacityBytes the byte budget for everything on disk
     */
    public static ResponseCache open(Path file, long capacityBytes) throws IOException {
        return builder(file).capacityBytes(capacityBytes).open();
    }

    /**
     * Settings for a cache on the heap, for tests and for hosts that cannot start java with the flags that the file
     * needs: no file, no flag, nothing that outlives it. Everything else is as with a file, eviction excepted: what was
     * not asked for longest goes first.
     *
     * @param capacityBytes how much heap entries may take
     * @throws IllegalArgumentException if that is less than 64 KiB
     */
    public static ResponseCacheBuilder onHeap(long capacityBytes) {
        return new ResponseCacheBuilder(capacityBytes);
    }

    /** Settings for a cache in the given file. */
    public static ResponseCacheBuilder builder(Path file) {
        return new ResponseCacheBuilder(file);
    }

    // ---- the pipeline

    /**
     * Answers a request: from the store if it can, else from an identical request's upstream call that is under way,
     * else from a call of its own, storing the answer on its way; all that as far as the request's
     * {@link CacheDirectives} let it.
     *
     * <p>A hit is delivered during the call. Otherwise the upstream is started, or its call joined, and this returns;
     * the answer goes to the sink as it arrives, from the threads that the upstream delivers on. The sink's head
     * carries a {@link CacheOutcome} unless caching is off.
     */
    public void respond(CacheRequest request, CacheControls controls, Upstream upstream, ResponseSink sink) {
        pipeline.respond(request, controls, upstream, sink);
    }

    /**
     * Answers a request like {@link #respond(CacheRequest, CacheControls, Upstream, ResponseSink)}, all at once: for
     * embedders that have no use for an answer in pieces. An event stream is one body too, complete when it has ended.
     *
     * <p>All of the answer is held on the heap, however long it is. An upstream that fails
     * completes the stage exceptionally; an answer with another status than 200 is an
     * answer. The stage completes on the thread that the upstream delivers on, before this
     * returns if it is a hit, so what depends on it must not block, or must be asynchronous.
     *
     * @return completed with the answer. Cancelling its {@link CompletionStage#toCompletableFuture() future}, or
     *     completing it in any other way, counts as the reader's going away (wire rule W29)
     */
    public CompletionStage<WholeAnswer> respond(CacheRequest request, CacheControls controls, Upstream upstream) {
        GatheringSink sink = new GatheringSink();
        respond(request, controls, upstream, sink);
        return sink.future();
    }

    // ---- the parts

    /**
     * The scope of a caller with one API key.
     *
     * @param apiKey empty if it has none: all callers without one share their answers
     */
    public CacheScope scope(String apiKey) {
        return keys.deriver().scope(apiKey);
    }

    /**
     * The scope of a caller that is known by other credentials than one API key, or by several.
     *
     * @param credentials in an order that does not change from request to request; each counts, with where it begins
     *     and ends, so that two lists that differ never have the same scope. Nor do a list and a
     *     {@link #scope(String) single API key}
     */
    public CacheScope scope(List<String> credentials) {
        return keys.deriver().scope(credentials);
    }

    /** What requests to an endpoint have in common but for their bodies, to be completed. */
    public KeyContext.Builder context(Endpoint endpoint, CacheScope scope) {
        return new KeyContext.Builder(keys.deriver(), endpoint, scope);
    }

    /**
     * The key of a request, or empty if it is not eligible; {@link CachePipeline#bypass(CacheRequest)} says why.
     * Cheaper than asking that first: a body that was seen lately is not read again.
     */
    public Optional<CacheKey> key(CacheRequest request) {
        return answers.key(request);
    }

    /** A reusable lookup that leaves no garbage, for one thread at a time. */
    public Lookup newLookup() {
        return new Lookup(this, answers);
    }

    /**
     * Looks up an answer.
     *
     * @param into receives the answer on a hit; its content is undefined otherwise
     * @return whether there was an answer that has not expired
     */
    public boolean lookup(CacheKey key, CachedResponse into) {
        return answers.find(key, into);
    }

    /** Looks up an answer and, on a hit, delivers it to the sink during the call; the sink is not touched otherwise. */
    public boolean lookup(CacheKey key, ResponseSink sink) {
        try {
            return answers.find(key, CacheDirectives.ANY_AGE, sink) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            answers.counters().miss(key.endpoint());
            return false;
        }
    }

    /**
     * Stores a complete answer. It is judged as one that passed through {@link #capture} would be: only a success that
     * parses, or a stream with its terminal event and no error, is kept (wire rule W16).
     *
     * @param contentType media type to replay the answer with
     * @param answer the body as the provider sent it; only read
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @return whether it is stored now
     * @throws IllegalArgumentException if the ttl is out of range
     */
    public boolean store(CacheKey key, String contentType, byte[] answer, Duration ttl) {
        CacheControls.on(ttl);
        return answers.store(key, contentType, answer, ttl);
    }

    /**
     * A sink that passes an answer on and stores it once it is complete.
     *
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @param client where the answer goes; its head gets a {@link CacheOutcome.Miss}
     * @return to be ended or failed, whatever happens: until then it holds what it has captured, in the
     *     {@link ResponseCacheBuilder#memory memory budget} too
     */
    public ResponseSink capture(CacheKey key, Duration ttl, ResponseSink client) {
        return new CaptureSink(answers, key, ttl, ForwardReason.MISS, client);
    }

    /** Removes the answer of a key. Returns whether there was one. */
    public boolean remove(CacheKey key) {
        return answers.remove(key);
    }

    /** The steps of {@link #respond}, for front-ends that do something of their own between them. */
    public CachePipeline pipeline() {
        return pipeline;
    }

    /** What the cache's operators do: its figures, purges, sweeps, and why a request was answered as it was. */
    public CacheAdmin admin() {
        return admin;
    }

    Answers answers() {
        return answers;
    }

    /** Stops sweeping and closes the store. Lookups after that miss. Idempotent. */
    @Override
    public void close() {
        answers.close();
    }
}
