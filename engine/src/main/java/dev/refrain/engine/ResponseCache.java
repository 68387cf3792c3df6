package dev.refrain.engine;

import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.events.LookupEvent;
import dev.refrain.engine.internal.events.StoreEvent;
import dev.refrain.engine.internal.request.RequestScan;
import dev.refrain.engine.internal.store.ChronicleStore;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletionStage;

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
        if (System.getProperty("slf4j.internal.verbosity") == null) {
            System.setProperty("slf4j.internal.verbosity", "ERROR");
        }
    }

    private static final int MAX_POOLED_BYTES = 1 << 20;

    private final CacheStore store;
    private final Clock clock;
    private final int maxRequestBytes;
    private final int maxAnswerBytes;
    private final long staleIfErrorMillis;
    private final boolean cancelsWhenAbandoned;
    private final KeyDeriver keys;
    private final EntryCodec codec = new EntryCodec();
    private final Counters counters = new Counters();
    private final Pool<Scratch> scratches = new Pool<>(Scratch::new);
    /** Null if there are none. */
    private final HotAnswers hot;
    /** Null if there is none. */
    private final RequestMemo memo;

    private final Coalescer coalescer = new Coalescer(this);
    private final Sweeper sweeper;

    private ResponseCache(Builder builder, CacheStore store) {
        this.store = store;
        this.clock = builder.clock;
        this.maxRequestBytes = builder.maxRequestBytes;
        this.maxAnswerBytes = builder.maxAnswerBytes;
        this.staleIfErrorMillis = builder.staleIfError.toMillis();
        this.cancelsWhenAbandoned = builder.cancelWhenAbandoned;
        this.keys = new KeyDeriver(store.secret());
        this.hot = builder.hotBytes() > 0 ? new HotAnswers(store, builder.hotBytes()) : null;
        this.memo = builder.memoBytes() > 0 ? new RequestMemo(builder.memoBytes()) : null;
        this.sweeper = new Sweeper(store, () -> nowMillis() - staleIfErrorMillis, builder.sweepInterval);
        sweeper.start();
    }

    /** One thread's working memory, so that a lookup allocates nothing. */
    private static final class Scratch {
        final KeyDeriver.Scratch keys = new KeyDeriver.Scratch();
        final EntryCodec.Scratch codec = new EntryCodec.Scratch();
        final EntryBuffer entry = new EntryBuffer(8 * 1024);
        final CachedResponse response = new CachedResponse();
        final HotAnswers.Scratch hot = new HotAnswers.Scratch();
        final RequestMemo.Scratch memo = new RequestMemo.Scratch();
        /** Changes with every request: whoever keeps it copies it. */
        final CacheKey key = new CacheKey();

        private final RequestScan scan = new RequestScan();

        RequestScan scan(byte[] body, int offset, int length) {
            scan.scan(body, offset, length);
            return scan;
        }

        int bytes() {
            return entry.bytes().length + response.array().length + memo.bytes() + scan.keptBytes();
        }
    }

    private void give(Scratch scratch) {
        // One large answer must not leave its megabytes behind in every slot of the pool.
        if (scratch.bytes() <= MAX_POOLED_BYTES) {
            // The body is the caller's, and not kept alive for longer than it is used.
            scratch.scan.release();
            scratches.give(scratch);
        }
    }

    /**
     * Opens a cache with the default settings; see {@link Builder#open()}.
     *
     * @param file the store file, created if it is not there; two sidecar files, {@code .secret} and {@code .lock}, stand beside it
     * @param capacityBytes the byte budget for everything on disk
     */
    public static ResponseCache open(Path file, long capacityBytes) throws IOException {
        return builder(file).capacityBytes(capacityBytes).open();
    }

    /** Settings for a cache in the given file. */
    public static Builder builder(Path file) {
        return new Builder(file);
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
            reason = lookup(key, directives.maxAgeSeconds(), sink);
            if (reason == null) {
                return;
            }
        }
        if (directives.onlyIfCached()) {
            if (controls.clear()) {
                store.remove(key);
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
            pass(upstream, new OutcomeSink(new CacheOutcome.Bypass(reason), sink));
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

    // ---- the parts

    /** Why a request cannot be cached, or empty if it can (wire rules W18 and W19). */
    public Optional<BypassReason> bypass(CacheRequest request) {
        return request.bodyLength() > maxRequestBytes
                ? Optional.of(BypassReason.PAYLOAD_TOO_LARGE)
                : Optional.ofNullable(bypass(request.endpoint(), request.body()));
    }

    private static BypassReason bypass(Endpoint endpoint, RequestScan body) {
        if (!body.isJsonObject()) {
            return BypassReason.NOT_A_JSON_OBJECT;
        }
        return CacheRequest.isBackground(endpoint, body) ? BypassReason.BACKGROUND : null;
    }

    /**
     * The key of a request, or empty if it is not eligible; {@link #bypass(CacheRequest)} says why. Cheaper than asking that first: a body
     * that was seen lately is not read again.
     */
    public Optional<CacheKey> key(CacheRequest request) {
        if (request.bodyLength() > maxRequestBytes) {
            return Optional.empty();
        }
        Scratch scratch = scratches.take();
        try {
            return key(request, scratch) ? Optional.of(scratch.key.copy()) : Optional.empty();
        } finally {
            give(scratch);
        }
    }

    private boolean key(CacheRequest request, Scratch scratch) {
        if (!request.hasPreset()) {
            return key(
                    request.endpoint(),
                    request.apiKey(),
                    request.bytes(),
                    request.offset(),
                    request.bodyLength(),
                    request.upstream(),
                    request.query(),
                    request,
                    scratch);
        }
        if (bypass(request.endpoint(), request.body()) != null) {
            return false;
        }
        keys.derive(request, scratch.key, scratch.keys);
        return true;
    }

    /**
     * Puts the key of a request to which no preset is applied into the scratch.
     *
     * @param request the same request if there is an object, else null; it is then read into the scratch if it has to be
     * @return whether the request is eligible
     */
    private boolean key(
            Endpoint endpoint,
            String apiKey,
            byte[] bytes,
            int offset,
            int length,
            String upstream,
            String query,
            CacheRequest request,
            Scratch scratch) {
        byte[] scope = keys.begin(endpoint, apiKey, upstream, query, "", scratch.keys);
        int headLength = scratch.keys.headLength();
        if (memo != null
                && memo.find(
                        endpoint,
                        KeyDeriver.head(scratch.keys),
                        headLength,
                        scope,
                        bytes,
                        offset,
                        length,
                        scratch.key,
                        scratch.memo)) {
            return true;
        }
        RequestScan body = request != null ? request.body() : scratch.scan(bytes, offset, length);
        if (bypass(endpoint, body) != null) {
            return false;
        }
        KeyDeriver.finish(endpoint, CacheRequest.streams(endpoint, body), scope, body, body, scratch.key, scratch.keys);
        if (memo != null) {
            memo.offer(KeyDeriver.head(scratch.keys), headLength, bytes, offset, length, scratch.key, scratch.memo);
        }
        return true;
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
    boolean find(
            Endpoint endpoint,
            String apiKey,
            byte[] body,
            int offset,
            int length,
            String upstream,
            String query,
            CachedResponse into) {
        if (length > maxRequestBytes) {
            return false;
        }
        Scratch scratch = scratches.take();
        try {
            return key(endpoint, apiKey, body, offset, length, upstream, query, null, scratch)
                    && countMiss(scratch.key, read(scratch.key, Long.MAX_VALUE, 0, into, scratch)) == null;
        } finally {
            give(scratch);
        }
    }

    /**
     * Looks up an answer.
     *
     * @param into receives the answer on a hit; its content is undefined otherwise
     * @return whether there was an answer that has not expired
     */
    public boolean lookup(CacheKey key, CachedResponse into) {
        Scratch scratch = scratches.take();
        try {
            return countMiss(key, read(key, Long.MAX_VALUE, 0, into, scratch)) == null;
        } finally {
            give(scratch);
        }
    }

    /** Looks up an answer and, on a hit, delivers it to the sink during the call; the sink is not touched otherwise. */
    public boolean lookup(CacheKey key, ResponseSink sink) {
        return lookup(key, CacheDirectives.ANY_AGE, sink) == null;
    }

    /**
     * Answers a request like {@link #respond(CacheKey, CacheControls, Upstream, ResponseSink)} if the store can. If not, nothing happens, and
     * no miss is counted: the caller asks again in another way.
     *
     * @param directives none that rules the store out
     * @return whether it was answered
     */
    public boolean respondIfStored(CacheKey key, CacheDirectives directives, ResponseSink sink) {
        return replay(key, directives.maxAgeSeconds(), sink) == null;
    }

    /** Why there is no answer, or null on a hit. */
    private ForwardReason lookup(CacheKey key, long maxAgeSeconds, ResponseSink sink) {
        return countMiss(key, replay(key, maxAgeSeconds, sink));
    }

    private ForwardReason countMiss(CacheKey key, ForwardReason reason) {
        if (reason != null) {
            counters.miss(key.endpoint());
        }
        return reason;
    }

    /** Looks up an answer again, for a request whose miss has been counted already. Returns whether there was one. */
    boolean replay(Ask ask) {
        return replay(ask.key(), ask.controls().directives().maxAgeSeconds(), ask.sink()) == null;
    }

    private ForwardReason replay(CacheKey key, long maxAgeSeconds, ResponseSink sink) {
        Scratch scratch = scratches.take();
        try {
            ForwardReason reason = read(key, saturatedMillis(maxAgeSeconds), 0, scratch.response, scratch);
            if (reason == null) {
                deliver(scratch.response, hit(scratch.response), sink);
            }
            return reason;
        } finally {
            give(scratch);
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
        Scratch scratch = scratches.take();
        try {
            if (read(key, Long.MAX_VALUE, maxStaleMillis, scratch.response, scratch) != null) {
                return false;
            }
            counters.hitsOnError.increment();
            deliver(scratch.response, new CacheOutcome.HitOnError(hit(scratch.response), reason, status), sink);
            return true;
        } finally {
            give(scratch);
        }
    }

    private static CacheOutcome.Hit hit(CachedResponse response) {
        String sourceId = response.sourceId();
        return new CacheOutcome.Hit(
                response.ageSeconds(),
                response.ttlSeconds(),
                sourceId.isEmpty() ? null : sourceId,
                new Savings(response.promptTokensSaved(), response.tokensSaved(), response.fetchMillis()));
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

    private ForwardReason read(
            CacheKey key, long maxAgeMillis, long maxStaleMillis, CachedResponse into, Scratch scratch) {
        LookupEvent event = LookupEvent.start();
        ForwardReason reason = find(key, maxAgeMillis, maxStaleMillis, into, scratch);
        if (event != null) {
            event.finish(key, reason == null ? "hit" : reason.token(), reason == null ? into.length() : 0);
        }
        return reason;
    }

    /**
     * Reads an entry, if it is good enough.
     *
     * @param maxAgeMillis how old it may be
     * @param maxStaleMillis how long it may have expired
     * @return why there is none, or null if there is one
     */
    private ForwardReason find(
            CacheKey key, long maxAgeMillis, long maxStaleMillis, CachedResponse into, Scratch scratch) {
        if (hot != null && hot.find(key, scratch.entry, scratch.hot)) {
            long now = nowMillis();
            ForwardReason tooOld = tooOld(scratch.entry.bytes(), now, maxAgeMillis, maxStaleMillis);
            if (tooOld != null) {
                return tooOld;
            }
            if (codec.decodeCopy(scratch.hot.cursor(), scratch.entry, now, into, scratch.codec)) {
                hot.served(key);
                counters.hotHits.increment();
                counters.hit(key.endpoint());
                counters.tokensSaved.add(into.tokensSaved());
                return null;
            }
        }
        if (!store.get(key, scratch.entry)) {
            return ForwardReason.MISS;
        }
        long now = nowMillis();
        boolean intact = codec.isIntact(key, scratch.entry, scratch.codec);
        if (intact) {
            ForwardReason tooOld = tooOld(scratch.entry.bytes(), now, maxAgeMillis, maxStaleMillis);
            if (tooOld != null) {
                return tooOld;
            }
        }
        if (!intact || !codec.decode(scratch.entry, now, into, scratch.codec)) {
            counters.corruptions.increment();
            store.remove(key);
            return ForwardReason.MISS;
        }
        if (hot != null) {
            hot.offer(key, scratch.entry, into, scratch.hot);
        }
        counters.hit(key.endpoint());
        counters.tokensSaved.add(into.tokensSaved());
        return null;
    }

    /** Why an entry is not good enough, or null if it is. */
    private ForwardReason tooOld(byte[] head, long now, long maxAgeMillis, long maxStaleMillis) {
        long expiredFor = now - EntryHead.expiresAt(head);
        if (expiredFor >= 0 && expiredFor >= maxStaleMillis) {
            // What merely waits for the next sweep is nothing that a client should hear of.
            return expiredFor < staleIfErrorMillis ? ForwardReason.STALE : ForwardReason.MISS;
        }
        return now - EntryHead.storedAt(head) > maxAgeMillis ? ForwardReason.REQUEST : null;
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
        AnswerCapture capture = AnswerCapture.of(key.endpoint(), key.streaming(), maxAnswerBytes);
        if (capture.append(ByteBuffer.wrap(answer)) == AnswerCapture.State.REJECTED
                || capture.end() != AnswerCapture.State.COMPLETE) {
            counters.rejections.increment();
            return false;
        }
        long now = nowMillis();
        Template template = capture.template();
        return put(
                key, template, new EntryCodec.Facts(contentType, template.originalId(), now, now + ttl.toMillis(), 0));
    }

    /**
     * A sink that passes an answer on and stores it once it is complete.
     *
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @param client where the answer goes; its head gets a {@link CacheOutcome.Miss}
     */
    public ResponseSink capture(CacheKey key, Duration ttl, ResponseSink client) {
        return new CaptureSink(this, key, ttl, ForwardReason.MISS, client);
    }

    /** Removes the answer of a key. Returns whether there was one. */
    public boolean remove(CacheKey key) {
        return store.remove(key);
    }

    /**
     * Removes all answers that were stored for an API key; for requests without one, those of the empty key. Walks the whole store,
     * as {@link #sweep} does. Answers that are being fetched are stored all the same when they are complete.
     *
     * @return how many
     */
    public long removeScope(String apiKey) {
        long tag = keys.scopeTag(apiKey);
        return store.removeIf(head -> EntryHead.scope(head) == tag);
    }

    /**
     * Removes all answers to requests for a model, whoever asked.
     *
     * @param model spelt as in the requests, or in the preset if it came from there
     * @return how many
     */
    public long removeModel(String model) {
        long tag = RequestScan.tag(model);
        return store.removeIf(head -> EntryHead.model(head) == tag);
    }

    /**
     * A number that stands for an API key: the tag that its entries carry. It says nothing of the key to whoever does not know the
     * installation's secret, and changes when that does.
     */
    public long scopeTag(String apiKey) {
        return keys.scopeTag(apiKey);
    }

    /**
     * Removes all answers of a scope that is known by its {@link CacheKey#scope() tag} alone, like {@link #removeScope}.
     *
     * @param tag 12 hexadecimal digits in lower case
     * @return how many
     */
    public long removeScopeTagged(String tag) {
        return store.removeIf(head -> CacheKey.hexTag(EntryHead.scope(head)).equals(tag));
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
        return store.find(bytes -> hex.formatHex(bytes).startsWith(digest)).stream()
                .filter(bytes -> store.remove(CacheKey.ofBytes(bytes)))
                .count();
    }

    /** Removes all answers. Returns how many. */
    public long clear() {
        return store.removeIf(head -> true);
    }

    /** What there is in the store for a key, expired or not, without counting as a hit; empty if there is nothing. */
    public Optional<EntryFacts> inspect(CacheKey key) {
        Scratch scratch = scratches.take();
        try {
            long now = nowMillis();
            if (!store.peek(key, scratch.entry)
                    || !codec.isIntact(key, scratch.entry, scratch.codec)
                    || !codec.decode(scratch.entry, now, scratch.response, scratch.codec)) {
                return Optional.empty();
            }
            CachedResponse response = scratch.response;
            return Optional.of(new EntryFacts(
                    response.storedAtMillis(),
                    EntryHead.expiresAt(scratch.entry.bytes()),
                    response.ageSeconds(),
                    response.ttlSeconds(),
                    response.length(),
                    scratch.entry.length(),
                    store.hits(key),
                    response.tokensSaved(),
                    response.sourceId().isEmpty() ? null : response.sourceId()));
        } finally {
            give(scratch);
        }
    }

    /** What went into the key of a request, or empty if it is not eligible; {@link #bypass(CacheRequest)} says why. */
    public Optional<KeyParts> keyParts(CacheRequest request) {
        return key(request).map(key -> KeyParts.of(key, request));
    }

    /** The figures of this cache in this process. */
    public CacheStats stats() {
        return counters.snapshot(store.stats());
    }

    /** The longest request body that is eligible, in bytes. */
    public int maxRequestBytes() {
        return maxRequestBytes;
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
        return store.sweep(nowMillis() - staleIfErrorMillis);
    }

    /** Stops sweeping and closes the store. Lookups after that miss. Idempotent. */
    @Override
    public void close() {
        sweeper.close();
        store.close();
    }

    // ---- internals

    boolean put(CacheKey key, Template template, EntryCodec.Facts facts) {
        Scratch scratch = scratches.take();
        try {
            StoreEvent event = StoreEvent.start();
            codec.encode(key, template, facts, scratch.entry, scratch.codec);
            boolean stored = store.put(key, scratch.entry);
            if (event != null) {
                event.finish(key, stored, scratch.entry.length());
            }
            if (stored) {
                counters.stores.increment();
            }
            return stored;
        } finally {
            give(scratch);
        }
    }

    /** Upstream calls under way that an identical request would join. */
    public int joinableFlights() {
        return coalescer.flights().size();
    }

    boolean cancelsWhenAbandoned() {
        return cancelsWhenAbandoned;
    }

    Counters counters() {
        return counters;
    }

    long nowMillis() {
        return clock.millis();
    }

    /** Settings of a cache. Not thread-safe. */
    public static final class Builder {
        private static final long DEFAULT_CAPACITY = 1L << 30;
        private static final long MAX_DEFAULT_HOT = 64L << 20;
        private static final long MAX_DEFAULT_MEMO = 32L << 20;
        private static final int DEFAULT_MAX_REQUEST = 8 << 20;
        private static final int DEFAULT_MAX_ANSWER = 16 << 20;

        private final Path file;
        private long capacityBytes = DEFAULT_CAPACITY;
        private long hotBytes = -1;
        private long memoBytes = -1;
        private int maxRequestBytes = DEFAULT_MAX_REQUEST;
        private int maxAnswerBytes = DEFAULT_MAX_ANSWER;
        private Duration sweepInterval = Duration.ofMinutes(1);
        private Duration staleIfError = Duration.ZERO;
        private boolean cancelWhenAbandoned;
        private Clock clock = Clock.systemUTC();
        private boolean closeOnExit = true;
        private boolean preallocate = true;
        private CacheStore store;

        private Builder(Path file) {
            this.file = Objects.requireNonNull(file, "file");
        }

        /** The byte budget for everything on disk; 1 GiB unless set. */
        public Builder capacityBytes(long bytes) {
            capacityBytes = bytes;
            return this;
        }

        /**
         * How much memory outside the heap may hold decompressed copies of the answers that are asked for most; 0 for none. Taken as it
         * is needed. A sixteenth of the capacity unless set, at most 64 MiB, and nothing with a store of another kind ({@link #store}).
         *
         * @throws IllegalArgumentException if it is negative
         */
        public Builder hotBytes(long bytes) {
            if (bytes < 0) {
                throw new IllegalArgumentException("hotBytes must not be negative, was " + bytes);
            }
            hotBytes = bytes;
            return this;
        }

        /**
         * How much memory outside the heap may hold requests that come again and again, with their keys, so that they are neither parsed
         * nor digested again; 0 for none. These are prompts as sent: they are in the memory of this process and nowhere else, for as long
         * as they are asked for. Taken as it is needed. A thirty-second of the capacity unless set, at most 32 MiB.
         *
         * @throws IllegalArgumentException if it is negative
         */
        public Builder memoBytes(long bytes) {
            if (bytes < 0) {
                throw new IllegalArgumentException("memoBytes must not be negative, was " + bytes);
            }
            memoBytes = bytes;
            return this;
        }

        private long memoBytes() {
            return memoBytes >= 0 ? memoBytes : Math.min(capacityBytes / 32, MAX_DEFAULT_MEMO);
        }

        private long hotBytes() {
            return hotBytes >= 0 ? hotBytes : store != null ? 0 : Math.min(capacityBytes / 16, MAX_DEFAULT_HOT);
        }

        /** The longest request body that is eligible (wire rule W18), in bytes; 8 MiB unless set. */
        public Builder maxRequestBytes(int bytes) {
            maxRequestBytes = requirePositive(bytes, "maxRequestBytes");
            return this;
        }

        /** The longest answer that is stored (wire rule W18), in bytes; 16 MiB unless set. */
        public Builder maxAnswerBytes(int bytes) {
            maxAnswerBytes = requirePositive(bytes, "maxAnswerBytes");
            return this;
        }

        /** How long a sweep for expired entries may take, done bit by bit, before the next one begins; one minute unless set. */
        public Builder sweepInterval(Duration interval) {
            if (interval.toMillis() < 1) {
                throw new IllegalArgumentException("sweepInterval must be at least 1 ms, was " + interval);
            }
            sweepInterval = interval;
            return this;
        }

        /**
         * For how long after its lifetime an entry may answer in place of a failing upstream, where a request asks for that
         * ({@link CacheDirectives#staleIfErrorSeconds}); not at all unless set. Sweeps leave such entries alone.
         */
        public Builder staleIfError(Duration window) {
            if (window.isNegative()) {
                throw new IllegalArgumentException("staleIfError must not be negative, was " + window);
            }
            staleIfError = window;
            return this;
        }

        /**
         * Whether an upstream call is broken off once everybody who waits for its answer has gone (wire rule W29). Unless set it is
         * finished and its answer stored, so that the retry is a hit.
         */
        public Builder cancelWhenAbandoned(boolean cancel) {
            cancelWhenAbandoned = cancel;
            return this;
        }

        /** Where the time comes from; the system clock unless set. */
        public Builder clock(Clock source) {
            clock = Objects.requireNonNull(source, "source");
            return this;
        }

        /**
         * Whether the store closes by itself when the JVM exits; it does unless set. Turn this off where a shutdown hook of the
         * host's own finishes work that still uses the cache, and close the cache there: hooks run at the same time.
         */
        public Builder closeOnExit(boolean on) {
            closeOnExit = on;
            return this;
        }

        /**
         * Whether the file gets all of its blocks on the disk before the first entry; it does unless set. Otherwise they come as it
         * fills, and nothing is stored while the disk is nearly full.
         */
        public Builder preallocate(boolean on) {
            preallocate = on;
            return this;
        }

        /** Keeps entries in another store than the memory-mapped file; the cache closes it. Then file and capacity mean nothing. */
        public Builder store(CacheStore other) {
            store = Objects.requireNonNull(other, "other");
            return this;
        }

        /**
         * Opens the cache.
         *
         * @throws IOException if the file cannot be opened or created; a damaged one is set aside instead
         * @throws IllegalArgumentException if the capacity is too small to work with
         * @throws IllegalStateException if the JVM was started without the flags that Chronicle Map needs; the message names them
         */
        public ResponseCache open() throws IOException {
            return new ResponseCache(
                    this,
                    store != null ? store : ChronicleStore.open(file, capacityBytes, clock, closeOnExit, preallocate));
        }

        private static int requirePositive(int value, String name) {
            if (value <= 0) {
                throw new IllegalArgumentException(name + " must be positive, was " + value);
            }
            return value;
        }
    }
}
