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
 * was. Obtained from {@link ResponseCache#admin}. Methods that walk the whole store say so; do not call them on a
 * thread that serves requests. With a {@link ResponseCacheBuilder#sharedTier shared tier}, a removal applies to all
 * machines: when the method returns, the connected ones have applied it. The returned number counts the answers of this
 * machine only. Nothing here counts as a lookup. No parameter and no result is null. Thread-safe. After
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

    /** The number of upstream calls under way that an identical request would join. */
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

    /**
     * The rules for what part of a request body goes into the key, for one endpoint
     * ({@link ResponseCacheBuilder#keyRules}).
     */
    public KeyRules keyRules(Endpoint endpoint) {
        return answers.keys().deriver().rules(endpoint);
    }

    /** Describes the stored entry of a key, expired or not, without counting as a hit; empty if there is none. */
    public Optional<EntryFacts> inspect(CacheKey key) {
        return Optional.ofNullable(answers.inspect(key));
    }

    /**
     * What went into the key of a request. Empty if the request is not eligible, for the reason that
     * {@link CachePipeline#bypass(CacheRequest)} gives.
     */
    public Optional<KeyParts> keyParts(CacheRequest request) {
        return answers.key(request).map(key -> keyParts(key, request));
    }

    /**
     * Like {@link #keyParts(CacheRequest)}, for callers that have the key already, so that it is not derived again.
     *
     * @param key of this request, see {@link ResponseCache#key}
     */
    public KeyParts keyParts(CacheKey key, CacheRequest request) {
        RequestKeys keys = answers.keys();
        return KeyParts.of(key, request.context(keys.deriver()), keys.restored(request));
    }

    /**
     * A page of the stored answers, including expired ones that no sweep has removed yet. Walks the store for as long
     * as the query allows. Holds only the page in memory, takes no lock that a request waits for, and changes nothing.
     *
     * @throws IllegalArgumentException if the query's cursor does not have the form of an {@link EntryPage}'s cursor
     */
    public EntryPage entries(EntryQuery query) {
        return answers.entries(query);
    }

    /** The result of {@link #look}. */
    public enum Look {
        /** The answer was copied. */
        FOUND,
        /** There is no such answer, or it is damaged. */
        NOTHING,
        /** The answer is sealed for another scope. */
        SEALED
    }

    /**
     * Looks at a stored answer, expired or not, without counting as a hit.
     *
     * @param digest of its key, 64 hexadecimal digits in lower case
     * @param scope the scope of the answer if it is sealed; otherwise any, such as {@code pipeline().scope("")}
     * @param into receives the answer if it is found, with the id and time that a hit at this moment would have
     * @throws IllegalArgumentException if the digest does not have that form
     * @throws MemoryBudget.Exhausted if there is no memory for the answer now
     */
    public Look look(String digest, CacheScope scope, CachedResponse into) {
        if (!digest.matches("[0-9a-f]{64}")) {
            throw new IllegalArgumentException("not 64 hexadecimal digits: " + digest);
        }
        return answers.look(HexFormat.of().parseHex(digest), scope, into);
    }

    /**
     * Exports the stored answers that have not expired into a folder, in the form that they have in the store.
     * {@link ResponseCacheBuilder#seal Sealed} answers can be read only with their API keys. Requests cannot be read at
     * all, since a store has only their digests. Walks the whole store once for each part of the archive, and delays no
     * request. Resumes an earlier export into the folder if that was interrupted.
     *
     * @param folder is created if it does not exist. Otherwise it must be empty, or have an unfinished archive of the
     *     same query in it
     * @throws IOException if the folder contains anything else, or cannot be written
     */
    public ExportFacts exportTo(Path folder, ArchiveQuery query, ArchiveProgress progress) throws IOException {
        return answers.export(folder, query, progress);
    }

    /**
     * Stores the answers of an archive that have not expired, unless the store has a newer answer to the same request.
     * They may evict other answers, like any answer that is stored. The archive's keys must have been derived with the
     * secret of this cache. An import may be repeated. If a request stores a newer answer at the same moment, the
     * import may overwrite it.
     *
     * @throws IOException if the folder is no archive, if one of its files is damaged, or if its keys were derived with
     *     another secret; answers that were stored before the failure stay
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
     * Removes all answers. Walks the whole store. Returns how many. The ids of their hits can still be resolved
     * ({@link CachePipeline#providerId}).
     */
    public long clear() {
        long removed = answers.removeIf(head -> head[EntryHead.KIND] != EntryHead.NOTE);
        tellOthers(SharedBarriers.all());
        return removed;
    }

    /**
     * Removes all answers that were stored for an API key; the empty key stands for requests without one. Walks the
     * whole store. The ids of their hits are forgotten, too. An answer that is being fetched is stored all the same.
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
     * @param model spelt as in the requests, or as in the preset if the preset chose it
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
     * The namespaces that have stored answers, sorted by name. Only the first 10,000 names that processes used with
     * this store are known. Walks the whole store.
     */
    public List<NamespaceFacts> namespaces() {
        return answers.namespaces();
    }

    /**
     * Like {@link #removeScope}, for callers that know only the {@link CacheKey#scope() tag} of the scope.
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
     * Removes the answer whose key has the given digest, or a digest with the given prefix
     * ({@link CacheKey#shortDigest}). Walks the whole store.
     *
     * @param digest 12 to 64 hexadecimal digits in lower case; 12 are enough to identify a key
     * @return how many, which is at most one unless digests collide
     * @throws IllegalArgumentException if the digest does not have that form
     */
    public long removeDigest(String digest) {
        if (!digest.matches("[0-9a-f]{12,64}")) {
            throw new IllegalArgumentException("not 12 to 64 hexadecimal digits: " + digest);
        }
        long removed = answers.removeDigest(digest);
        tellOthers(SharedBarriers.digest(digest));
        return removed;
    }

    /**
     * Tells other machines of a removal that has been carried out here. If a request meanwhile takes a removed answer
     * back from the shared tier, this machine removes the answer again when the tier announces the removal to it.
     */
    private void tellOthers(String barrier) {
        if (answers.shared() != null) {
            answers.shared().notices().raiseAndWait(barrier);
        }
    }
}
