package dev.refrain.engine;

import dev.refrain.engine.archive.ArchiveProgress;
import dev.refrain.engine.archive.ArchiveQuery;
import dev.refrain.engine.archive.ExportFacts;
import dev.refrain.engine.archive.ImportFacts;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Savings;
import dev.refrain.engine.internal.Pool;
import dev.refrain.engine.internal.archive.Exporter;
import dev.refrain.engine.internal.archive.Importer;
import dev.refrain.engine.internal.ids.HitIds;
import dev.refrain.engine.internal.store.LastUse;
import dev.refrain.engine.internal.store.StoredValues;
import dev.refrain.engine.internal.template.AnswerCapture;
import dev.refrain.engine.internal.template.Template;
import dev.refrain.engine.internal.template.ZeroPaths;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.CacheStore;
import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.engine.stats.EntryFacts;
import dev.refrain.engine.stats.EntryPage;
import dev.refrain.engine.stats.EntryQuery;
import dev.refrain.engine.stats.NamespaceFacts;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiPredicate;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/**
 * Reads, replays, stores, expires and counts the answers of a cache. The facade, flights, captures and operators all
 * use this class. Other classes decide which requests are answered, and when an upstream is called.
 *
 * <p>A hit is replayed to its sink during the call, from working memory that this thread has borrowed. If the store
 * fails, a read is a miss and a write stores nothing. Thread-safe.
 *
 * <p>Long, since it is the only way to the store and has a short method for each kind of reader and writer.
 */
final class Answers implements AutoCloseable {
    private final CacheStore store;
    private final Clock clock;
    private final LongSupplier ticker;
    private final MemoryBudget memory;
    private final int maxAnswerBytes;
    private final long staleIfErrorMillis;
    private final ZeroPaths replayZero;
    private final Set<String> neverStored;
    private final Counters counters = new Counters();
    private final CaptureFaults faults;
    private final Pool<Scratch> scratches = new Pool<>(this::newScratch);
    private final IssuedIds ids;
    private final Paces paces;
    private final RequestKeys keys;
    private final Entries entries;
    private final Sweeper sweeper;
    private final ExpiryClock expiry;
    /** Records when the store's file was last used; null for a store without a file. */
    private final LastUse lastUse;

    private final Namespaces namespaces;
    /** Access to the shared tier; null if there is none. */
    private final SharedEntries shared;

    /**
     * Starts the sweeper, unless another program owns the file ({@link ResponseCacheBuilder#keepFile}).
     *
     * @param store closed by {@link #close}
     * @param lastUse records when the store's file was last used; null if the store has no file
     * @param lastUseMillis when the file was last used, in milliseconds since the epoch, or {@link ExpiryClock#NEVER}
     */
    Answers(ResponseCacheBuilder builder, CacheStore store, LastUse lastUse, long lastUseMillis) {
        this.store = store;
        this.clock = builder.clock;
        this.ticker = builder.ticker;
        this.memory = builder.memory != null ? builder.memory : MemoryBudget.ofHeap();
        this.maxAnswerBytes = builder.maxAnswerBytes;
        this.staleIfErrorMillis = builder.staleIfErrorMillis;
        this.replayZero = builder.replayZero();
        this.neverStored = builder.neverStored;
        this.lastUse = lastUse;
        this.namespaces = builder.namespaces();
        byte[] cluster = builder.clusterSecret;
        byte[] secret = store.secret();
        KeyDeriver deriver = cluster != null
                ? KeyDeriver.ofCluster(cluster)
                : builder.knowsSeals() ? KeyDeriver.ofInstallation(secret) : new KeyDeriver(secret);
        StoreSeal seal = new StoreSeal(builder.seals(), builder.sealedSince, deriver.unscopedSealKey());
        Notes notes = new Notes(store, seal);
        this.ids = new IssuedIds(notes, cluster == null ? secret : KeyDeriver.idsOfCluster(cluster), clock);
        this.paces = new Paces(notes, builder.recordPace);
        deriver.rules(builder.keyRules);
        this.keys = new RequestKeys(deriver, ids, builder.maxRequestBytes, builder.memoBytes());
        this.faults = new CaptureFaults(counters, memory, ticker);
        this.entries = new Entries(
                store, seal, ids.hits(), clock, staleIfErrorMillis, builder.hotBytes(), counters, faults, memory);
        this.expiry = new ExpiryClock(clock, ticker, lastUseMillis);
        this.sweeper = new Sweeper(store, this::expiredBefore, this::wipeGone, builder.sweepInterval);
        this.shared = builder.sharedTier == null
                ? null
                : new SharedEntries(
                        builder.sharedTier,
                        builder.sharedReads,
                        builder.sharedWrites,
                        builder.sharedTiming,
                        builder.maxUnconnected,
                        builder.storeFile(),
                        this);
        if (shared != null) {
            entries.dependOn(shared.notices(), shared.ids());
            shared.listen();
        }
        if (!builder.keepsFile) {
            sweeper.start();
        }
    }

    private Scratch newScratch() {
        return new Scratch(scratches, memory);
    }

    private long expiredBefore() {
        long now = expiry.millis();
        markUse(now);
        return now - staleIfErrorMillis;
    }

    private void markUse(long now) {
        if (lastUse != null) {
            lastUse.mark(now);
        }
    }

    /** Derives the keys of requests. */
    RequestKeys keys() {
        return keys;
    }

    IssuedIds ids() {
        return ids;
    }

    /** The recorded paces of streams. */
    Paces paces() {
        return paces;
    }

    Counters counters() {
        return counters;
    }

    /** Counts why answers are not stored. */
    CaptureFaults faults() {
        return faults;
    }

    /** The budget of heap memory. */
    MemoryBudget memory() {
        return memory;
    }

    /** The longest answer that is stored, in bytes. */
    int maxAnswerBytes() {
        return maxAnswerBytes;
    }

    /** Monotonic time in nanoseconds, from an arbitrary origin. */
    LongSupplier ticker() {
        return ticker;
    }

    /** The current time by the clock, in milliseconds since the epoch. */
    long nowMillis() {
        return clock.millis();
    }

    /** The key of a request, or empty if it is not eligible. */
    Optional<CacheKey> key(CacheRequest request) {
        try (Scratch scratch = scratches.take()) {
            return keys.key(request, scratch) ? Optional.of(scratch.key.toKey()) : Optional.empty();
        }
    }

    // ---- reading

    /**
     * Looks an answer up by the bytes of its request, and counts a hit or a miss. Counts nothing if the request is not
     * eligible. Returns whether an answer was found.
     */
    boolean find(KeyContext context, byte[] body, int offset, int length, CachedResponse into) {
        try (Scratch scratch = scratches.take()) {
            return keys.key(context, body, offset, length, null, scratch)
                    && count(scratch.key, entries.read(scratch.key, Long.MAX_VALUE, 0, into, scratch)) == null;
        }
    }

    /** Looks an answer up, and counts a hit or a miss. Returns whether an answer was found. */
    boolean find(CacheKey key, CachedResponse into) {
        try (Scratch scratch = scratches.take()) {
            scratch.key.set(key);
            return count(scratch.key, entries.read(scratch.key, Long.MAX_VALUE, 0, into, scratch)) == null;
        }
    }

    private ForwardReason count(KeyBuffer key, ForwardReason reason) {
        if (reason == null) {
            keys.answered(key);
        } else {
            counters.miss(key.endpoint());
        }
        return reason;
    }

    /** Like {@link #replay}, but also counts a miss. */
    ForwardReason find(CacheKey key, long maxAgeSeconds, ResponseSink sink) {
        ForwardReason reason = replay(key, maxAgeSeconds, sink);
        if (reason != null) {
            counters.miss(key.endpoint());
        }
        return reason;
    }

    /** Access to the shared tier, or null if there is none. */
    SharedEntries shared() {
        return shared;
    }

    // ---- replaying

    /**
     * Answers from the store if it has an answer. Counts a hit but no miss.
     *
     * @param maxAgeSeconds how old the answer may be at most, in seconds
     * @return why there is no answer, or null if there was one; then the sink has all of it
     * @throws MemoryBudget.Exhausted if there is an answer, but no memory to replay it now
     */
    ForwardReason replay(CacheKey key, long maxAgeSeconds, ResponseSink sink) {
        try (Scratch scratch = scratches.take()) {
            ForwardReason reason = entries.readOrThrow(
                    scratch.key.set(key), saturatedMillis(maxAgeSeconds), 0, scratch.response, scratch);
            if (reason == null) {
                keys.answered(scratch.key);
                deliver(scratch.response, hit(scratch.response), sink);
            }
            return reason;
        }
    }

    /** Makes a request's key, and copies its answer if there is one. Counts a hit but no miss. */
    CachePipeline.Found find(KeyContext context, byte[] body, long maxAgeSeconds) {
        try (Scratch scratch = scratches.take()) {
            return keys.key(context, body, 0, body.length, null, scratch)
                    ? copy(scratch.key.toKey(), maxAgeSeconds, scratch)
                    : new CachePipeline.Found(null, null, null);
        }
    }

    /** Like {@link #find(KeyContext, byte[], long)}, for a request whose key is known. */
    CachePipeline.Found find(CacheKey key, long maxAgeSeconds) {
        try (Scratch scratch = scratches.take()) {
            scratch.key.set(key);
            return copy(key, maxAgeSeconds, scratch);
        }
    }

    /** @param scratch holds the key already */
    private CachePipeline.Found copy(CacheKey key, long maxAgeSeconds, Scratch scratch) {
        CachedResponse response = scratch.response;
        if (entries.read(scratch.key, saturatedMillis(maxAgeSeconds), 0, response, scratch) != null) {
            return new CachePipeline.Found(key, null, null);
        }
        keys.answered(scratch.key);
        return new CachePipeline.Found(key, head(response, hit(response)), response.toByteArray());
    }

    /**
     * Looks an answer up again, for a request whose miss is counted already. Returns whether the request was answered.
     */
    boolean replay(MissedRequest request) {
        try {
            return replay(request.key(), request.controls().directives().maxAgeSeconds(), request.sink()) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        }
    }

    /**
     * Answers from the store, in place of an upstream that has failed.
     *
     * @param maxStaleMillis how long ago the entry may have expired
     * @param status of the upstream's answer; 0 if it sent none
     * @return whether there was an answer
     */
    boolean replayOnError(CacheKey key, long maxStaleMillis, ForwardReason reason, int status, ResponseSink sink) {
        try (Scratch scratch = scratches.take()) {
            if (entries.read(scratch.key.set(key), Long.MAX_VALUE, maxStaleMillis, scratch.response, scratch) != null) {
                return false;
            }
            counters.hitsOnError.increment();
            deliver(scratch.response, new CacheOutcome.HitOnError(hit(scratch.response), reason, status), sink);
            return true;
        }
    }

    /**
     * Answers with an entry that another machine has shared. The entry is stored here first, unless it is already.
     *
     * @param mayStore whether the entry may be stored; asked before and after it is put
     * @return true if the entry satisfies the request and there was memory to replay it
     */
    boolean replayShared(SharedAnswer found, MissedRequest request, BooleanSupplier mayStore) {
        CacheKey key = request.key();
        try (Scratch scratch = scratches.take()) {
            long maxAgeMillis = saturatedMillis(request.controls().directives().maxAgeSeconds());
            if (!entries.read(found, maxAgeMillis, scratch)) {
                shared.rejected();
                return false;
            }
            if (!found.isStored() && mayStore.getAsBoolean()) {
                namespaces.note(key.namespace());
                found.stored(entries.put(key, found, scratch));
                if (!mayStore.getAsBoolean()) {
                    // A removal came meanwhile. If it ran before the put, the put has brought the entry back.
                    found.stored(false);
                    entries.remove(key, scratch);
                }
            }
            shared.hit();
            shared.ids().given(key, EntryCodec.tag(found.entry().bytes()));
            deliver(
                    scratch.response,
                    new CacheOutcome.SharedHit(hit(scratch.response), found.isStored()),
                    request.sink());
            return true;
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        }
    }

    /**
     * How long after its lifetime an answer may replace a failing upstream, in milliseconds: what the request allows,
     * up to the limit of the cache. 0 for not at all.
     */
    long maxStaleMillis(long allowedSeconds) {
        return Math.min(staleIfErrorMillis, saturatedMillis(allowedSeconds));
    }

    private static CacheOutcome.Hit hit(CachedResponse response) {
        String sourceId = response.sourceId();
        return new CacheOutcome.Hit(
                response.ageSeconds(),
                response.ttlSeconds(),
                sourceId.isEmpty() ? null : sourceId,
                new Savings(response.facts(), response.fetchMillis()));
    }

    private static ResponseHead head(CachedResponse response, CacheOutcome outcome) {
        return new ResponseHead(
                200,
                response.contentType().isEmpty() ? null : response.contentType(),
                null,
                response.length(),
                response.generationId(),
                outcome,
                Map.of());
    }

    private static void deliver(CachedResponse response, CacheOutcome outcome, ResponseSink sink) {
        sink.head(head(response, outcome));
        sink.chunk(response.toByteBuffer());
        sink.end();
    }

    private static long saturatedMillis(long seconds) {
        return seconds > Long.MAX_VALUE / 1000 ? Long.MAX_VALUE : seconds * 1000;
    }

    // ---- storing

    /** Starts the capture of an answer that may be stored. */
    AnswerCapture newCapture(CacheKey key, MemoryBudget.Reservation held) {
        if (key.isBytes()) {
            return AnswerCapture.ofBytes(maxAnswerBytes, held);
        }
        return AnswerCapture.of(key.endpoint(), key.streaming(), maxAnswerBytes, replayZero, held);
    }

    /** Whether the finish reason of a complete answer allows storing it. */
    boolean mayStore(AnswerCapture complete) {
        return Collections.disjoint(complete.finishReasons(), neverStored);
    }

    /** Puts an answer into the store, in place of the key's older one. Returns whether it is stored now. */
    boolean put(CacheKey key, Template template, EntryCodec.Facts facts) {
        namespaces.note(key.namespace());
        try (Scratch scratch = scratches.take()) {
            return entries.put(key, template, facts, scratch);
        }
    }

    /** Stores a whole answer if it is a complete success. Returns whether it is stored now. */
    boolean store(CacheKey key, String contentType, byte[] answer, Duration ttl) {
        try (MemoryBudget.Reservation held = memory.open()) {
            return store(key, contentType, answer, ttl, held);
        } catch (MemoryBudget.Exhausted noRoom) {
            faults.noRoom();
            return false;
        }
    }

    private boolean store(
            CacheKey key, String contentType, byte[] answer, Duration ttl, MemoryBudget.Reservation held) {
        AnswerCapture capture = newCapture(key, held);
        capture.append(ByteBuffer.wrap(answer));
        if (capture.end() != AnswerCapture.State.COMPLETE || !mayStore(capture)) {
            counters.rejections.increment();
            if (capture.isOutOfRoom()) {
                faults.noRoom();
            }
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
        long started = shared == null ? 0 : shared.nowMicros();
        boolean stored = put(
                key,
                template,
                new EntryCodec.Facts(contentType, template.facts().id(), now, now + ttl.toMillis(), 0, tag));
        if (stored && shared != null) {
            shared.send(key, tag, () -> started, capture.providerId(), () -> {});
        }
        return stored;
    }

    /** Copies an intact entry, expired or not, without counting as a hit. Returns whether there is such an entry. */
    boolean peekEntry(CacheKey key, EntryBuffer into) {
        try (Scratch scratch = scratches.take()) {
            return entries.peek(key, into, scratch);
        }
    }

    // ---- removing

    /** Removes the answer whose key has this digest. */
    void removeByDigest(byte[] digest) {
        try (Scratch scratch = scratches.take()) {
            entries.remove(new CacheKey(Endpoint.CHAT, false, digest, 0), scratch);
        }
    }

    /** Removes the answer of a key. Returns whether there was one. */
    boolean remove(CacheKey key) {
        try (Scratch scratch = scratches.take()) {
            return entries.remove(key, scratch);
        }
    }

    /** Removes all answers whose entry heads match a predicate, see {@link CacheStore#removeIf}. Returns how many. */
    long removeIf(Predicate<byte[]> head) {
        long removed = store.removeIf(head);
        wipeGone();
        return removed;
    }

    /** Removes the answers whose digests, in hexadecimal, begin with a text. Returns how many. */
    long removeDigest(String beginning) {
        HexFormat hex = HexFormat.of();
        long removed = store.find(bytes -> hex.formatHex(bytes).startsWith(beginning)).stream()
                .filter(store::remove)
                .count();
        wipeGone();
        return removed;
    }

    /**
     * Removes, in one walk over the store, the answers whose digests begin with any of these texts. Returns how many.
     *
     * @param beginnings 12 hexadecimal digits each
     */
    long removeDigests(Set<String> beginnings) {
        HexFormat hex = HexFormat.of();
        long removed = store.find(bytes -> beginnings.contains(hex.formatHex(bytes, 0, 6))).stream()
                .filter(store::remove)
                .count();
        wipeGone();
        return removed;
    }

    /** The keys of all stored answers whose digests, in hexadecimal, begin with a text. */
    List<CacheKey> keysOf(String beginning) {
        HexFormat hex = HexFormat.of();
        return store.find(bytes -> hex.formatHex(bytes).startsWith(beginning)).stream()
                .map(digest -> new CacheKey(Endpoint.CHAT, false, digest, 0))
                .toList();
    }

    /** Removes expired answers at once. Returns how many. */
    long sweep() {
        long removed = store.sweep(nowMillis() - staleIfErrorMillis);
        wipeGone();
        return removed;
    }

    /** Wipes what memory still holds of answers that are no longer stored: their copies and their requests. */
    private void wipeGone() {
        entries.wipeGone(keys);
        // Working memory may still hold the last answer that went through it.
        scratches.clear();
    }

    // ---- looking

    /** Whether the store has an answer that has not expired. Copies only the head of its entry. */
    boolean isFresh(CacheKey key) {
        try (Scratch scratch = scratches.take()) {
            return entries.isFresh(scratch.key.set(key).bytes());
        }
    }

    /** The namespaces that have entries, sorted by name. Walks the whole store. */
    List<NamespaceFacts> namespaces() {
        Map<Integer, LongAdder> counts = new HashMap<>();
        Set<String> names = namespaces.names();
        names.forEach(name -> counts.put(Namespaces.tag(name), new LongAdder()));
        if (!names.isEmpty()) {
            store.removeIf(head -> {
                LongAdder count = StoredValues.isEntry(head) ? counts.get((int) EntryHead.model(head)) : null;
                if (count != null) {
                    count.increment();
                }
                return false;
            });
        }
        return names.stream()
                .map(name -> new NamespaceFacts(
                        name, counts.get(Namespaces.tag(name)).sum()))
                .filter(facts -> facts.entries() > 0)
                .toList();
    }

    /** Exports stored entries into a folder. */
    ExportFacts export(Path folder, ArchiveQuery asked, ArchiveProgress progress) throws IOException {
        ArchiveQuery query = Exporter.begun(folder, asked);
        List<EntryTags> matches = query.matches().stream().map(EntryTags::new).toList();
        long now = nowMillis();
        BiPredicate<byte[], byte[]> wanted = (key, head) -> EntryHead.storedAt(head) >= query.sinceMillis()
                && EntryHead.storedAt(head) < query.untilMillis()
                && EntryHead.expiresAt(head) > now
                && matches.stream().allMatch(tags -> tags.match(key, head));
        return new Exporter(store, memory, wanted, Paces::noteKey, folder, progress)
                .run(keysMadeWith(keys.deriver()), query, namespaces.names(), Namespaces::tag);
    }

    /** Imports the entries of an archive into the store. */
    ImportFacts importFrom(Path folder, ArchiveProgress progress) throws IOException {
        return new Importer(store, memory, entries::takes, folder, progress)
                .run(keysMadeWith(keys.deriver()), nowMillis(), namespaces::note);
    }

    /** Identifies the secret that keys are derived with. Equal secrets give equal digits, which reveal nothing. */
    static String keysMadeWith(KeyDeriver deriver) {
        return String.format(
                Locale.ROOT, "%016x", deriver.scope("refrain archive").tag());
    }

    /** A page of the stored entries. Walks the store until the query's time is used up. */
    EntryPage entries(EntryQuery query) {
        return new StoreSearch(query, store, ticker).search(namespaces, nowMillis());
    }

    /** Copies a stored answer, expired or not, without counting as a hit. */
    CacheAdmin.Look look(byte[] digest, CacheScope scope, CachedResponse into) {
        try (Scratch scratch = scratches.take()) {
            CacheKey key = new CacheKey(Endpoint.CHAT, false, digest, 0, scope, 0, 0, false, null, CacheKey.NO_SAMPLE);
            return entries.look(key, into, scratch);
        }
    }

    /** Describes the entry of a key, expired or not, without counting as a hit; null if there is none. */
    EntryFacts inspect(CacheKey key) {
        try (Scratch scratch = scratches.take()) {
            return entries.inspect(key, scratch);
        }
    }

    CacheStats stats() {
        return counters.snapshot(store.stats());
    }

    /** Stops sweeping and closes the store. Idempotent. */
    @Override
    public void close() {
        sweeper.close();
        if (shared != null) {
            shared.close();
        }
        store.close();
        entries.close();
        keys.close();
        markUse(expiry.millis());
    }
}
