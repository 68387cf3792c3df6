package dev.refrain.engine;

import dev.refrain.engine.archive.ArchiveProgress;
import dev.refrain.engine.archive.ArchiveQuery;
import dev.refrain.engine.archive.ExportFacts;
import dev.refrain.engine.archive.ImportFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.internal.request.TopLevelFields;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.engine.stats.EntryFacts;
import dev.refrain.engine.stats.EntryPage;
import dev.refrain.engine.stats.EntryQuery;
import dev.refrain.engine.stats.NamespaceFacts;
import dev.refrain.engine.stats.SharedStats;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * What operators do with a cache: read its statistics, remove answers, and find out why a request was answered as it
 * was. Got from {@link ResponseCache#admin}. Methods that walk the whole store say so; do not call them on a thread
 * that serves requests. With a {@link ResponseCacheBuilder#sharedTier shared tier} answers are removed on all machines:
 * those that are connected have done so when the method returns. The number is that of this machine alone. Nothing here
 * counts as a lookup. No parameter and no result is null. Thread-safe. After
 * {@link ResponseCache#close} the store seems empty.
 */
public final class CacheAdmin {
    private final Answers answers;
    private final Flights flights;

    CacheAdmin(Answers answers, Flights flights) {
        this.answers = answers;
        this.flights = flights;
    }

    /** The statistics of this cache in this process. */
    public CacheStats stats() {
        return answers.stats();
    }

    /** What the shared tier did for this cache in this process; empty if there is none. */
    public Optional<SharedStats> shared() {
        return Optional.ofNullable(answers.shared()).map(SharedEntries::stats);
    }

    /** Upstream calls under way that an identical request would join. */
    public int joinableFlights() {
        return flights.size();
    }

    /** The budget of heap memory for captures, shared answers and replays, and how much of it is used. */
    public MemoryBudget memory() {
        return answers.memory();
    }

    /** The longest request body that is eligible, in bytes. */
    public int maxRequestBytes() {
        return answers.keys().maxRequestBytes();
    }

    /** The longest answer that is stored, in bytes. */
    public int maxAnswerBytes() {
        return answers.maxAnswerBytes();
    }

    /** What of the bodies of an endpoint's requests counts ({@link ResponseCacheBuilder#keyRules}). */
    public KeyRules keyRules(Endpoint endpoint) {
        return answers.keys().deriver().rules(endpoint);
    }

    /** What there is in the store for a key, expired or not, without counting as a hit; empty if there is nothing. */
    public Optional<EntryFacts> inspect(CacheKey key) {
        return Optional.ofNullable(answers.inspect(key));
    }

    /**
     * What went into the key of a request, or empty if it is not eligible;
     * {@link CachePipeline#bypass(CacheRequest)} says why.
     */
    public Optional<KeyParts> keyParts(CacheRequest request) {
        return answers.key(request).map(key -> keyParts(key, request));
    }

    /**
     * What went into the key of a request, for callers that have the key: it is not derived again.
     *
     * @param key of this request, see {@link ResponseCache#key}
     */
    public KeyParts keyParts(CacheKey key, CacheRequest request) {
        RequestKeys keys = answers.keys();
        return KeyParts.of(key, request.context(keys.deriver()), keys.restored(request));
    }

    /**
     * A page of the stored answers, those that have expired and that no sweep has met among them. Walks the store, for
     * as long as the query allows; it keeps no more of it than the page, takes no lock that a request waits for, and
     * changes nothing.
     *
     * @throws IllegalArgumentException if the cursor is none
     */
    public EntryPage entries(EntryQuery query) {
        return answers.entries(query);
    }

    /** What came of a look at a stored answer. */
    public enum Look {
        /** The answer was copied. */
        FOUND,
        /** There is none, or it is damaged. */
        NOTHING,
        /** It is sealed, and not for this scope. */
        SEALED
    }

    /**
     * Looks at a stored answer, expired or not, without counting as a hit.
     *
     * @param digest of its key, 64 hexadecimal digits in lower case
     * @param scope whose answer it is; only sealed ones need it, others any, such as {@code pipeline().scope("")}
     * @param into receives the answer, if it is found; its id and time are those of a hit at this moment
     * @throws IllegalArgumentException if the digest is none
     * @throws MemoryBudget.Exhausted if there is no room for the answer now
     */
    public Look look(String digest, CacheScope scope, CachedResponse into) {
        if (!digest.matches("[0-9a-f]{64}")) {
            throw new IllegalArgumentException("not 64 hexadecimal digits: " + digest);
        }
        return answers.look(HexFormat.of().parseHex(digest), scope, into);
    }

    /**
     * Writes stored answers that have not expired into a folder, as they are in the store: with {@link
     * ResponseCacheBuilder#seal sealed} ones nobody can read them who has not their API keys, and nobody can read
     * requests, of which a store has but digests. Walks the whole store, once for each part of the archive, and holds
     * up nobody. Where an earlier run into the folder was broken off, this goes on with it.
     *
     * @param folder is made unless it is there; then it must be empty, or have an unfinished archive of the same query
     * @throws IOException if the folder has something else in it, or cannot be written
     */
    public ExportFacts exportTo(Path folder, ArchiveQuery query, ArchiveProgress progress) throws IOException {
        return answers.export(folder, query, progress);
    }

    /**
     * Stores the answers of an archive that have not expired, unless there is a newer one for the same request. Others
     * make room for them as for any answer. Its keys must have been made with the same secret as this cache's. What
     * this does can be done again. An answer that somebody stores at the same moment may be replaced by the archive's.
     *
     * @throws IOException if the folder is no archive, one of its files is damaged, or another secret made its keys;
     *     what was stored until then stays
     */
    public ImportFacts importFrom(Path folder, ArchiveProgress progress) throws IOException {
        return answers.importFrom(folder, progress);
    }

    /**
     * Removes expired entries now instead of at the next scheduled sweep, except those that may still replace a failing
     * upstream. Walks the whole store. Returns how many entries were removed. If another process is sweeping the same
     * store, it removes none and returns 0 at once.
     */
    public long sweep() {
        return answers.sweep();
    }

    /**
     * Removes all answers. Walks the whole store. Returns how many. The ids of their hits are still known
     * ({@link CachePipeline#providerId}).
     */
    public long clear() {
        long removed = answers.removeIf(head -> head[EntryHead.KIND] != EntryHead.NOTE);
        tellOthers(SharedBarriers.all());
        return removed;
    }

    /**
     * Removes all answers that were stored for an API key; the empty key stands for requests without one. Walks the
     * whole store. The ids of their hits are forgotten, too. Answers that are being fetched are still stored when they
     * are complete.
     *
     * @return how many
     */
    public long removeScope(String apiKey) {
        long tag = answers.keys().deriver().scope(apiKey).tag();
        long removed = answers.removeIf(head -> EntryHead.scope(head) == tag);
        tellOthers(SharedBarriers.scope(CacheKey.hexTag(tag)));
        return removed;
    }

    /**
     * Removes all answers to requests for a model, of all scopes. Walks the whole store.
     *
     * @param model spelt as in the requests, or in the preset if it came from there
     * @return how many
     */
    public long removeModel(String model) {
        long tag = TopLevelFields.tag(model);
        long removed = answers.removeIf(head -> EntryHead.isOfModel(EntryHead.model(head), tag));
        tellOthers(SharedBarriers.model(tag));
        return removed;
    }

    /**
     * Removes all answers of a namespace (wire rule W82), of all scopes. Walks the whole store.
     *
     * @param name of the namespace; one that nobody has used removes nothing
     * @return how many
     */
    public long removeNamespace(String name) {
        int tag = Namespaces.tag(name);
        long removed = answers.removeIf(head -> EntryHead.isOfNamespace(EntryHead.model(head), tag));
        tellOthers(SharedBarriers.namespace(tag));
        return removed;
    }

    /**
     * The namespaces in which something is stored, in the order of their names, as far as they are known: the first
     * 10,000 that this store's processes have used. Walks the whole store.
     */
    public List<NamespaceFacts> namespaces() {
        return answers.namespaces();
    }

    /**
     * Removes all answers of a scope that is known by its {@link CacheKey#scope() tag} alone, like
     * {@link #removeScope}.
     *
     * @param tag 12 hexadecimal digits in lower case
     * @return how many
     */
    public long removeScopeTagged(String tag) {
        long removed =
                answers.removeIf(head -> CacheKey.hexTag(EntryHead.scope(head)).equals(tag));
        tellOthers(SharedBarriers.scope(tag));
        return removed;
    }

    /**
     * Removes the answer whose key has the given digest, or a digest that begins so ({@link CacheKey#shortDigest}).
     * Walks the whole store.
     *
     * @param digest 12 to 64 hexadecimal digits in lower case; 12 are enough to mean one key
     * @return how many, which is at most one unless digests collide
     * @throws IllegalArgumentException if it is not that
     */
    public long removeDigest(String digest) {
        if (!digest.matches("[0-9a-f]{12,64}")) {
            throw new IllegalArgumentException("not 12 to 64 hexadecimal digits: " + digest);
        }
        long removed = answers.removeDigest(digest);
        tellOthers(SharedBarriers.digest(digest));
        return removed;
    }

    /** After the answers were removed here. Whatever comes back from the shared tier meanwhile goes with the notice. */
    private void tellOthers(String barrier) {
        if (answers.shared() != null) {
            answers.shared().notices().raiseAndWait(barrier);
        }
    }
}
