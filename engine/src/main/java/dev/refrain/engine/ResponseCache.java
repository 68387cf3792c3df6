package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.SystemProperties;
import dev.refrain.engine.internal.request.RequestScan;
import dev.refrain.engine.internal.store.LastUse;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.internal.template.ZeroPaths;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.slf4j.LoggerFactory;

/**
 * A cache of LLM API answers in a memory-mapped file.
 *
 * <p>{@link #respond} is the whole pipeline: eligibility, key, lookup, upstream call, capture. An embedder with a pipeline of its
 * own uses the parts: {@link #key}, {@link #lookup}, {@link #store}. Thread-safe. A cache that fails (a full disk, a damaged
 * entry) misses or does not store; it never throws at a caller for that, and never serves a wrong answer.
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

    private final CacheStore store;
    private final Clock clock;
    private final int maxAnswerBytes;
    private final long staleIfErrorMillis;
    private final boolean cancelsWhenAbandoned;
    private final LongSupplier ticker;
    private final long silentCallNanos;
    private final ZeroPaths replayZero;
    private final Set<String> neverStored;
    private final Counters counters = new Counters();
    private final MemoryBudget memory;
    private final Pool<Scratch> scratches = new Pool<>(this::newScratch);
    private final IssuedIds ids;
    private final RequestKeys keys;
    private final StoredAnswers answers;
    private final Coalescer coalescer = new Coalescer(this);
    private final Sweeper sweeper;
    private final ExpiryClock expiry;
    /** Null for a store without a file. */
    private final LastUse lastUse;

    private final Duration upstreamTimeout;

    /**
     * @param lastUse of the store's file, or null if it has none
     * @param lastUseMillis when that was, before this use
     */
    ResponseCache(ResponseCacheBuilder builder, CacheStore store, LastUse lastUse, long lastUseMillis) {
        this.store = store;
        this.memory = builder.memory != null ? builder.memory : MemoryBudget.ofHeap();
        this.clock = builder.clock;
        this.maxAnswerBytes = builder.maxAnswerBytes;
        this.lastUse = lastUse;
        this.upstreamTimeout = builder.upstreamTimeout;
        this.staleIfErrorMillis = builder.staleIfErrorMillis;
        this.cancelsWhenAbandoned = builder.cancelWhenAbandoned;
        this.ticker = builder.ticker;
        this.silentCallNanos = builder.silentCallNanos;
        this.replayZero = builder.replayZero;
        this.neverStored = builder.neverStored;
        this.ids = new IssuedIds(store, clock);
        this.keys = new RequestKeys(store.secret(), ids, builder.maxRequestBytes, builder.memoBytes());
        this.answers =
                new StoredAnswers(store, ids.hits(), clock, staleIfErrorMillis, builder.hotBytes(), counters, memory);
        this.expiry = new ExpiryClock(clock, ticker, lastUseMillis);
        this.sweeper = new Sweeper(
                store,
                () -> {
                    long now = expiry.millis();
                    markUse(now);
                    return now - staleIfErrorMillis;
                },
                this::wipeGone,
                builder.sweepInterval);
        sweeper.start();
    }

    /**
     * Opens a cache with the default settings; see {@link ResponseCacheBuilder#open()}.
     *
     * @param file the store file, created if it is not there; two sidecar files, {@code .secret} and {@code .lock}, stand beside it
     * @param capacityBytes the byte budget for everything on disk
     */
    public static ResponseCache open(Path file, long capacityBytes) throws IOException {
        return builder(file).capacityBytes(capacityBytes).open();
    }

    /**
     * Settings for a cache on the heap, for tests and for hosts that cannot start java with the flags that the file needs: no file, no flag,
     * nothing that outlives it. Everything else is as with a file, eviction excepted: what was not asked for longest goes first.
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
     * Answers a request: from the store if it can, else from an identical request's upstream call that is under way, else from a call
     * of its own, storing the answer on its way; all that as far as the request's {@link CacheDirectives} let it.
     *
     * <p>A hit is delivered during the call. Otherwise the upstream is started, or its call joined, and this returns; the answer goes
     * to the sink as it arrives, from the threads that the upstream delivers on. The sink's head carries a {@link CacheOutcome} unless
     * caching is off.
     */
    public void respond(CacheRequest request, CacheControls controls, Upstream upstream, ResponseSink sink) {
        if (!controls.enabled()) {
            pass(upstream, sink);
            return;
        }
        Optional<CacheKey> key = key(request);
        if (key.isPresent()) {
            respond(key.get(), controls, upstream, sink);
        } else {
            bypass(bypass(request).orElseThrow(), controls, upstream, sink);
        }
    }

    /**
     * Answers a request whose key is known already, like {@link #respond(CacheRequest, CacheControls, Upstream, ResponseSink)}.
     *
     * @param key of an eligible request, see {@link #key}
     */
    public void respond(CacheKey key, CacheControls controls, Upstream upstream, ResponseSink sink) {
        if (!controls.enabled()) {
            pass(upstream, sink);
            return;
        }
        CacheDirectives directives = controls.directives();
        boolean leads = controls.clear() || directives.noCache();
        ForwardReason reason = directives.noCache() ? ForwardReason.REQUEST : ForwardReason.MISS;
        if (!leads) {
            try {
                reason = lookup(key, directives.maxAgeSeconds(), sink);
            } catch (MemoryBudget.Exhausted noRoom) {
                // What is stored is not paid for once more.
                sink.fail(noRoom);
                return;
            }
            if (reason == null) {
                return;
            }
        }
        if (directives.onlyIfCached()) {
            if (controls.clear()) {
                remove(key);
            }
            sink.fail(new NotCachedException());
            return;
        }
        Ask ask = new Ask(key, controls, reason, upstream, new GuardedSink(onError(key, directives, reason, sink)));
        if (leads) {
            coalescer.lead(ask);
        } else {
            coalescer.fetch(ask);
        }
    }

    private ResponseSink onError(CacheKey key, CacheDirectives directives, ForwardReason reason, ResponseSink sink) {
        long maxStaleMillis = Math.min(staleIfErrorMillis, saturatedMillis(directives.staleIfErrorSeconds()));
        return maxStaleMillis == 0 ? sink : new StaleIfErrorSink(this, key, maxStaleMillis, reason, sink);
    }

    /**
     * Answers a request like {@link #respond(CacheRequest, CacheControls, Upstream, ResponseSink)}, all at once: for embedders that
     * have no use for an answer in pieces. An event stream is one body too, complete when it has ended.
     *
     * <p>All of the answer is held on the heap, however long it is. An upstream that fails completes the stage exceptionally; an answer
     * with another status than 200 is an answer. The stage completes on the thread that the upstream delivers on, before this returns if it is
     * a hit, so what depends on it must not block, or must be asynchronous.
     *
     * @return completed with the answer. Cancelling its {@link CompletionStage#toCompletableFuture() future}, or completing it in any
     *     other way, counts as the reader's going away (wire rule W29)
     */
    public CompletionStage<WholeAnswer> respond(CacheRequest request, CacheControls controls, Upstream upstream) {
        GatheringSink sink = new GatheringSink();
        respond(request, controls, upstream, sink);
        return sink.future();
    }

    /** Serves a request for which caching was on without the cache, saying why. */
    public void bypass(BypassReason reason, CacheControls controls, Upstream upstream, ResponseSink sink) {
        counters.bypasses.increment();
        if (controls.directives().onlyIfCached()) {
            sink.fail(new NotCachedException());
        } else {
            passInTime(upstream, new OutcomeSink(new CacheOutcome.Bypass(reason), sink));
        }
    }

    /** A call whose answer nobody but the reader wants: it ends when the reader goes. */
    @SuppressWarnings("CatchingUnchecked") // as in a flight: an upstream that throws has made no call
    static void pass(Upstream upstream, ResponseSink sink) {
        Upstream.Call call;
        try {
            call = upstream.fetch(sink);
        } catch (Throwable e) {
            sink.fail(e);
            return;
        }
        sink.whenGone(call::cancel);
    }

    /** The same, within {@link ResponseCacheBuilder#upstreamTimeout}. */
    void passInTime(Upstream upstream, ResponseSink sink) {
        pass(inTime(upstream), sink);
    }

    /** An upstream whose calls end within {@link ResponseCacheBuilder#upstreamTimeout}, whatever they do. */
    Upstream inTime(Upstream upstream) {
        return sink -> new TimedSink(sink, upstreamTimeout).start(upstream);
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
     * @param credentials in an order that does not change from request to request; each counts, with where it begins and ends, so that two
     *     lists that differ never have the same scope. Nor do a list and a {@link #scope(String) single API key}
     */
    public CacheScope scope(List<String> credentials) {
        return keys.deriver().scope(credentials);
    }

    /** What requests to an endpoint have in common but for their bodies, to be completed. */
    public KeyContext.Builder context(Endpoint endpoint, CacheScope scope) {
        return new KeyContext.Builder(keys.deriver(), endpoint, scope);
    }

    /** Why a request cannot be cached, or empty if it can (wire rules W18 and W19). */
    public Optional<BypassReason> bypass(CacheRequest request) {
        return Optional.ofNullable(keys.bypass(request));
    }

    /**
     * The key of a request, or empty if it is not eligible; {@link #bypass(CacheRequest)} says why. Cheaper than asking that first: a body
     * that was seen lately is not read again.
     */
    public Optional<CacheKey> key(CacheRequest request) {
        try (Scratch scratch = scratches.take()) {
            return keys.key(request, scratch) ? Optional.of(scratch.key.copy()) : Optional.empty();
        }
    }

    /**
     * The id that the provider gave an answer which has been repeated from here under another one (wire rule W26b): what the provider has to
     * be asked with, as it knows no other. Kept for 30 days after the answer's lifetime, but for want of room.
     *
     * @param scope the one that the id was given to; for any other nothing is found
     * @param id as it stood in an answer from here
     * @return the provider's id; empty if the id was not made here, or not for that API key, or is not known any more: then it goes to the
     *     provider as it is
     */
    public Optional<String> providerId(CacheScope scope, String id) {
        return Optional.ofNullable(keys.providerId(scope, id));
    }

    /**
     * A request as the provider is to get it: ids that were given out here, where the formats have ids of earlier answers, are the provider's own
     * again ({@code previous_response_id} of Responses, {@code thread.previous_message_id} of Messages). Keys are made of such a request in any
     * case; an {@link Upstream} sends its {@link CacheRequest#upstreamBody()}.
     *
     * @return the request itself if there is no such id in it
     */
    public CacheRequest withProviderIds(CacheRequest request) {
        return keys.restored(request);
    }

    /** A reusable lookup that leaves no garbage, for one thread at a time. */
    public Lookup newLookup() {
        return new Lookup(this);
    }

    /**
     * What a {@link Lookup} does.
     *
     * @return whether there is an answer
     */
    boolean find(KeyContext context, byte[] body, int offset, int length, CachedResponse into) {
        try (Scratch scratch = scratches.take()) {
            return keys.key(context, body, offset, length, null, scratch)
                    && count(scratch.key, answers.read(scratch.key, Long.MAX_VALUE, 0, into, scratch)) == null;
        }
    }

    /**
     * Looks up an answer.
     *
     * @param into receives the answer on a hit; its content is undefined otherwise
     * @return whether there was an answer that has not expired
     */
    public boolean lookup(CacheKey key, CachedResponse into) {
        try (Scratch scratch = scratches.take()) {
            return count(key, answers.read(key, Long.MAX_VALUE, 0, into, scratch)) == null;
        }
    }

    /** Looks up an answer and, on a hit, delivers it to the sink during the call; the sink is not touched otherwise. */
    public boolean lookup(CacheKey key, ResponseSink sink) {
        try {
            return lookup(key, CacheDirectives.ANY_AGE, sink) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            counters.miss(key.endpoint());
            return false;
        }
    }

    /**
     * Answers a request like {@link #respond(CacheKey, CacheControls, Upstream, ResponseSink)} if the store can. If not, nothing happens, and
     * no miss is counted: the caller asks again in another way.
     *
     * @param directives none that rules the store out
     * @return whether it was answered
     */
    public boolean respondIfStored(CacheKey key, CacheDirectives directives, ResponseSink sink) {
        try {
            return replay(key, directives.maxAgeSeconds(), sink) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        }
    }

    /** Why there is no answer, or null on a hit. */
    private ForwardReason lookup(CacheKey key, long maxAgeSeconds, ResponseSink sink) {
        ForwardReason reason = replay(key, maxAgeSeconds, sink);
        if (reason != null) {
            counters.miss(key.endpoint());
        }
        return reason;
    }

    private ForwardReason count(CacheKey key, ForwardReason reason) {
        if (reason == null) {
            keys.answered(key);
        } else {
            counters.miss(key.endpoint());
        }
        return reason;
    }

    /** Looks up an answer again, for a request whose miss has been counted already. Returns whether there was one. */
    boolean replay(Ask ask) {
        try {
            return replay(ask.key(), ask.controls().directives().maxAgeSeconds(), ask.sink()) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        }
    }

    private ForwardReason replay(CacheKey key, long maxAgeSeconds, ResponseSink sink) {
        try (Scratch scratch = scratches.take()) {
            ForwardReason reason =
                    answers.readOrThrow(key, saturatedMillis(maxAgeSeconds), 0, scratch.response, scratch);
            if (reason == null) {
                keys.answered(key);
                deliver(scratch.response, hit(scratch.response), sink);
            }
            return reason;
        }
    }

    /**
     * Answers from the store, in place of an upstream that has failed.
     *
     * @param maxStaleMillis how long an entry may have expired
     * @param status of the upstream's answer, or 0
     * @return whether there was an answer
     */
    boolean replayOnError(CacheKey key, long maxStaleMillis, ForwardReason reason, int status, ResponseSink sink) {
        try (Scratch scratch = scratches.take()) {
            if (answers.read(key, Long.MAX_VALUE, maxStaleMillis, scratch.response, scratch) != null) {
                return false;
            }
            counters.hitsOnError.increment();
            deliver(scratch.response, new CacheOutcome.HitOnError(hit(scratch.response), reason, status), sink);
            return true;
        }
    }

    private static CacheOutcome.Hit hit(CachedResponse response) {
        String sourceId = response.sourceId();
        return new CacheOutcome.Hit(
                response.ageSeconds(),
                response.ttlSeconds(),
                sourceId.isEmpty() ? null : sourceId,
                new Savings(response.facts(), response.fetchMillis()));
    }

    private static void deliver(CachedResponse response, CacheOutcome outcome, ResponseSink sink) {
        sink.head(new ResponseHead(
                200,
                response.contentType().isEmpty() ? null : response.contentType(),
                null,
                response.length(),
                response.generationId(),
                outcome,
                Map.of()));
        sink.chunk(response.toByteBuffer());
        sink.end();
    }

    private static long saturatedMillis(long seconds) {
        return seconds > Long.MAX_VALUE / 1000 ? Long.MAX_VALUE : seconds * 1000;
    }

    /**
     * Stores a complete answer. It is judged as one that passed through {@link #capture} would be: only a success that parses, or
     * a stream with its terminal event and no error, is kept (wire rule W16).
     *
     * @param contentType media type to replay the answer with
     * @param answer the body as the provider sent it; only read
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @return whether it is stored now
     * @throws IllegalArgumentException if the ttl is out of range
     */
    public boolean store(CacheKey key, String contentType, byte[] answer, Duration ttl) {
        CacheControls.on(ttl);
        try (MemoryBudget.Reservation held = memory.open()) {
            return store(key, contentType, answer, ttl, held);
        } catch (MemoryBudget.Exhausted noRoom) {
            counters.rejections.increment();
            return false;
        }
    }

    private boolean store(
            CacheKey key, String contentType, byte[] answer, Duration ttl, MemoryBudget.Reservation held) {
        AnswerCapture capture = newCapture(key, held);
        capture.append(ByteBuffer.wrap(answer));
        if (capture.end() != AnswerCapture.State.COMPLETE || !mayStore(capture)) {
            counters.rejections.increment();
            return false;
        }
        long now = nowMillis();
        Template template = capture.template();
        long tag = HitIds.newTag();
        ids.note(
                key,
                tag,
                capture.providerId(),
                now + ttl.toMillis(),
                template.facts().tokensOrNone(),
                0);
        return put(
                key,
                template,
                new EntryCodec.Facts(contentType, template.facts().id(), now, now + ttl.toMillis(), 0, tag));
    }

    /**
     * A sink that passes an answer on and stores it once it is complete.
     *
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @param client where the answer goes; its head gets a {@link CacheOutcome.Miss}
     * @return to be ended or failed, whatever happens: until then it holds what it has captured, of {@link #memory} too
     */
    public ResponseSink capture(CacheKey key, Duration ttl, ResponseSink client) {
        return new CaptureSink(this, key, ttl, ForwardReason.MISS, client);
    }

    /** Removes the answer of a key. Returns whether there was one. */
    public boolean remove(CacheKey key) {
        try (Scratch scratch = scratches.take()) {
            return answers.remove(key, scratch);
        }
    }

    /**
     * Removes all answers that were stored for an API key; for requests without one, those of the empty key. Walks the whole store,
     * as {@link #sweep} does, and forgets which ids were given out with them. Answers that are being fetched are stored all the same when they are complete.
     *
     * @return how many
     */
    public long removeScope(String apiKey) {
        long tag = scope(apiKey).tag();
        return purge(head -> EntryHead.scope(head) == tag);
    }

    /**
     * Removes all answers to requests for a model, whoever asked.
     *
     * @param model spelt as in the requests, or in the preset if it came from there
     * @return how many
     */
    public long removeModel(String model) {
        long tag = RequestScan.tag(model);
        return purge(head -> EntryHead.model(head) == tag);
    }

    /**
     * Removes all answers of a scope that is known by its {@link CacheKey#scope() tag} alone, like {@link #removeScope}.
     *
     * @param tag 12 hexadecimal digits in lower case
     * @return how many
     */
    public long removeScopeTagged(String tag) {
        return purge(head -> CacheKey.hexTag(EntryHead.scope(head)).equals(tag));
    }

    /**
     * Removes the answer of a key that is known by its digest, or by the beginning of it, such as {@link CacheKey#shortDigest}. Walks the
     * whole store.
     *
     * @param digest at least 12 hexadecimal digits in lower case, so that it means one key
     * @return how many, which is at most one unless digests collide
     * @throws IllegalArgumentException if it is not that
     */
    public long removeDigest(String digest) {
        if (!digest.matches("[0-9a-f]{12,64}")) {
            throw new IllegalArgumentException("not 12 to 64 hexadecimal digits: " + digest);
        }
        HexFormat hex = HexFormat.of();
        long removed = store.find(bytes -> hex.formatHex(bytes).startsWith(digest)).stream()
                .filter(bytes -> store.remove(CacheKey.ofBytes(bytes)))
                .count();
        wipeGone();
        return removed;
    }

    private long purge(Predicate<byte[]> head) {
        long removed = store.removeIf(head);
        wipeGone();
        return removed;
    }

    /** Wipes what memory holds of answers that are not stored any more, and the requests that they belong to. */
    private void wipeGone() {
        answers.wipeGone(keys);
        // Working memory that may hold the last answer that it was used for.
        scratches.clear();
    }

    /** Removes all answers. Returns how many. Ids that were given out with them can still be given back ({@link #providerId}). */
    public long clear() {
        return purge(head -> head[EntryHead.KIND] != EntryHead.NOTE);
    }

    /** What there is in the store for a key, expired or not, without counting as a hit; empty if there is nothing. */
    public Optional<EntryFacts> inspect(CacheKey key) {
        try (Scratch scratch = scratches.take()) {
            return Optional.ofNullable(answers.inspect(key, scratch));
        }
    }

    /** What went into the key of a request, or empty if it is not eligible; {@link #bypass(CacheRequest)} says why. */
    public Optional<KeyParts> keyParts(CacheRequest request) {
        return key(request).map(key -> KeyParts.of(key, request.context(keys.deriver()), keys.restored(request)));
    }

    /** The figures of this cache in this process. */
    public CacheStats stats() {
        return counters.snapshot(store.stats());
    }

    /** The longest request body that is eligible, in bytes. */
    public int maxRequestBytes() {
        return keys.maxRequestBytes();
    }

    /** The longest answer that is stored, in bytes. */
    public int maxAnswerBytes() {
        return maxAnswerBytes;
    }

    /**
     * Removes expired entries, except those that may still answer in place of a failing upstream, now instead of at the next
     * scheduled sweep. Returns how many: 0 also if another process is sweeping the same store, which is not waited for.
     */
    public long sweep() {
        long removed = store.sweep(nowMillis() - staleIfErrorMillis);
        wipeGone();
        return removed;
    }

    /** Stops sweeping and closes the store. Lookups after that miss. Idempotent. */
    @Override
    public void close() {
        sweeper.close();
        store.close();
        answers.close();
        keys.close();
        markUse(expiry.millis());
    }

    private void markUse(long now) {
        if (lastUse != null) {
            lastUse.mark(now);
        }
    }

    // ---- internals

    /** What watches an answer that may be stored. */
    AnswerCapture newCapture(CacheKey key, MemoryBudget.Reservation held) {
        return AnswerCapture.of(key.endpoint(), key.streaming(), maxAnswerBytes, replayZero, held);
    }

    /** Whether a complete answer ended for none of the reasons for which it is not to be stored. */
    boolean mayStore(AnswerCapture complete) {
        return Collections.disjoint(complete.finishReasons(), neverStored);
    }

    private Scratch newScratch() {
        return new Scratch(scratches, memory);
    }

    boolean put(CacheKey key, Template template, EntryCodec.Facts facts) {
        try (Scratch scratch = scratches.take()) {
            return answers.put(key, template, facts, scratch);
        }
    }

    /** Upstream calls under way that an identical request would join. */
    public int joinableFlights() {
        return coalescer.flights().size();
    }

    /** What may be held of the heap, and how much of it is. */
    public MemoryBudget memory() {
        return memory;
    }

    boolean cancelsWhenAbandoned() {
        return cancelsWhenAbandoned;
    }

    /** Time that passes whatever happens to the clock, in nanoseconds from anywhere. */
    LongSupplier ticker() {
        return ticker;
    }

    long silentCallNanos() {
        return silentCallNanos;
    }

    IssuedIds ids() {
        return ids;
    }

    Counters counters() {
        return counters;
    }

    long nowMillis() {
        return clock.millis();
    }
}
