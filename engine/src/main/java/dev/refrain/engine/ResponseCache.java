package dev.refrain.engine;

import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.internal.SystemProperties;
import dev.refrain.engine.internal.store.LastUse;
import dev.refrain.engine.spi.CacheStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import org.slf4j.LoggerFactory;

/**
 * A cache of LLM API answers in a memory-mapped file.
 *
 * <p>{@link #respond} does everything: it decides whether the request is eligible, derives the key, looks it up, calls
 * the provider on a miss and stores the answer. A program that calls the provider by itself uses {@link #key},
 * {@link #lookup} and {@link #store}. A front-end uses the steps of {@link #respond} one by one ({@link #pipeline}),
 * and operators have {@link #admin}.
 *
 * <p>Thread-safe. No parameter and no result is null, unless a method says so. If the cache itself fails (a full disk,
 * a damaged entry), it misses or does not store. It never throws because of that, and never serves a wrong answer.
 */
public final class ResponseCache implements AutoCloseable {
    /*
     * Every use of the engine begins with this class, before the first logger makes slf4j look for a provider. Without
     * a provider slf4j would print three lines of advice, although the embedder chose to have no logging.
     */
    static {
        // Slf4j reads the property once, when the first logger is made. After that the host's value is restored.
        new SystemProperties(Map.of("slf4j.internal.verbosity", "ERROR"))
                .during(() -> LoggerFactory.getLogger(ResponseCache.class));
    }

    private final Answers answers;
    private final CachePipeline pipeline;
    private final CacheAdmin admin;

    /**
     * @param lastUse records when the store's file was last used; null if the store has no file
     * @param lastUseMillis when the file was last used, milliseconds since the epoch, or {@link ExpiryClock#NEVER}
     */
    ResponseCache(ResponseCacheBuilder builder, CacheStore store, LastUse lastUse, long lastUseMillis) {
        this.answers = new Answers(builder, store, lastUse, lastUseMillis);
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
     * @param file the store file, which is created if it is missing. Two files, {@code .secret} and {@code .lock}, are
     *     made beside it
     * @param capacityBytes the byte budget for everything on disk, at least 16 MiB
     * @throws IOException if the file cannot be opened or created
     */
    public static ResponseCache open(Path file, long capacityBytes) throws IOException {
        return builder(file).capacityBytes(capacityBytes).open();
    }

    /**
     * Settings for a cache on the heap, for tests and for hosts that cannot start java with the flags that the file
     * needs. It has no file, needs no flag and ends with the process. It evicts the least recently used entry.
     * Everything else is as with a file.
     *
     * @param capacityBytes how much of the heap entries may take, in bytes
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
     * Answers a request: from the store if it can; else from the upstream call of an identical request that is under
     * way; else from a call of its own, whose answer it stores. {@link CacheDirectives} may rule any of these out.
     *
     * <p>A hit is delivered during the call. Otherwise this starts the upstream call, or joins one, and returns. The
     * answer then goes to the sink as it arrives, on the threads on which the upstream delivers. The sink's head
     * carries a {@link CacheOutcome} unless caching is off. An upstream's failure goes to {@link ResponseSink#fail}.
     *
     * @param controls what the client asked of the cache; {@link CacheControls#OFF} passes the answer through
     * @param upstream called at most once, during this call or, with a {@link ResponseCacheBuilder#sharedTier shared
     *     tier}, perhaps after it, on a thread of the cache
     * @param sink receives one answer: a head, pieces, and an end or a failure
     */
    public void respond(CacheRequest request, CacheControls controls, Upstream upstream, ResponseSink sink) {
        pipeline.respond(request, controls, upstream, sink);
    }

    /**
     * Answers a request like {@link #respond(CacheRequest, CacheControls, Upstream, ResponseSink)}, but with the whole
     * answer at once. An event stream is one body, too, and is complete once the stream has ended.
     *
     * <p>The whole answer is on the heap, however long it is. If the upstream fails, the stage completes exceptionally.
     * An answer with a status other than 200 is no failure. The stage of a hit is complete when this method returns.
     * Any other stage completes on the thread on which the upstream delivers, so dependent actions must not block, or
     * must be asynchronous.
     *
     * @return the stage of the answer. If its {@link CompletionStage#toCompletableFuture() future} is cancelled, or
     *     completed by its user, that counts as a reader that has left (wire rule W29)
     */
    public CompletionStage<WholeAnswer> respond(CacheRequest request, CacheControls controls, Upstream upstream) {
        GatheringSink sink = new GatheringSink();
        respond(request, controls, upstream, sink);
        return sink.future();
    }

    // ---- the parts

    /**
     * The key of a request (wire rule W10), or empty if the request is not eligible. Then
     * {@link CachePipeline#bypass(CacheRequest)} says why. It is cheaper to call this method first: a body that was
     * seen lately is not parsed again.
     *
     * @throws IllegalArgumentException if another cache made the request's {@link KeyContext}
     */
    public Optional<CacheKey> key(CacheRequest request) {
        return answers.key(request);
    }

    /**
     * Looks up an answer, and counts a hit or a miss.
     *
     * @param into receives the answer on a hit; its content is undefined after a miss
     * @return whether there is an answer that has not expired
     */
    public boolean lookup(CacheKey key, CachedResponse into) {
        return answers.find(key, into);
    }

    /**
     * Stores a complete answer. The rules are those of {@link CachePipeline#capture}: only a success that parses, or a
     * stream with its terminal event and no error, is kept (wire rule W16).
     *
     * @param contentType media type to replay the answer with; may be empty
     * @param answer the body as the provider sent it; only read, and not kept
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @return whether it is stored now
     * @throws IllegalArgumentException if the ttl is out of range
     */
    public boolean store(CacheKey key, String contentType, byte[] answer, Duration ttl) {
        CacheControls.on(ttl);
        return answers.store(key, contentType, answer, ttl);
    }

    /**
     * Removes the answer of a key, from the file, from memory and, with a {@link ResponseCacheBuilder#sharedTier shared
     * tier}, on all machines.
     *
     * @return whether there was such an answer
     */
    public boolean remove(CacheKey key) {
        return pipeline.remove(key);
    }

    /** The single steps of {@link #respond}, for front-ends that act between them. Always the same object. */
    public CachePipeline pipeline() {
        return pipeline;
    }

    /** For operators: statistics, purges, sweeps, and why a request was answered as it was. Always the same object. */
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
