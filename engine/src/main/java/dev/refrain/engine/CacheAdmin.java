package dev.refrain.engine;

import dev.refrain.engine.internal.request.RequestScan;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.engine.spi.EntryHead;
import dev.refrain.engine.stats.CacheStats;
import dev.refrain.engine.stats.EntryFacts;
import java.util.Optional;

/**
 * What operators of a cache do with it: look at its figures, remove what is not to be served any more, and ask what
 * became of a request. Made by {@link ResponseCache#admin}. What walks the whole store says so, and belongs on no
 * thread that serves requests. Nothing here counts as a lookup. Thread-safe; after {@link ResponseCache#close} the
 * store is as if empty.
 */
public final class CacheAdmin {
    private final Answers answers;
    private final Flights flights;

    CacheAdmin(Answers answers, Flights flights) {
        this.answers = answers;
        this.flights = flights;
    }

    /** The figures of this cache in this process. */
    public CacheStats stats() {
        return answers.stats();
    }

    /** Upstream calls under way that an identical request would join. */
    public int joinableFlights() {
        return flights.size();
    }

    /** What may be held of the heap, and how much of it is. */
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

    /** What there is in the store for a key, expired or not, without counting as a hit; empty if there is nothing. */
    public Optional<EntryFacts> inspect(CacheKey key) {
        return Optional.ofNullable(answers.inspect(key));
    }

    /**
     * What went into the key of a request, or empty if it is not eligible;
     * {@link CachePipeline#bypass(CacheRequest)} says why.
     */
    public Optional<KeyParts> keyParts(CacheRequest request) {
        RequestKeys keys = answers.keys();
        return answers.key(request)
                .map(key -> KeyParts.of(key, request.context(keys.deriver()), keys.restored(request)));
    }

    /**
     * Removes expired entries, except those that may still answer in place of a
     * failing upstream, now instead of at the next scheduled sweep. Returns how many:
     * 0 also if another process is sweeping the same store, which is not waited for.
     */
    public long sweep() {
        return answers.sweep();
    }

    /**
     * Removes all answers. Returns how many. Ids that were given out with them
     * can still be given back ({@link CachePipeline#providerId}).
     */
    public long clear() {
        return answers.removeIf(head -> head[EntryHead.KIND] != EntryHead.NOTE);
    }

    /**
     * Removes all answers that were stored for an API key; for requests without one, those of the empty key. Walks the
     * whole store, as {@link #sweep} does, and forgets which ids were given out with them. Answers that are being
     * fetched are stored all the same when they are complete.
     *
     * @return how many
     */
    public long removeScope(String apiKey) {
        long tag = answers.keys().deriver().scope(apiKey).tag();
        return answers.removeIf(head -> EntryHead.scope(head) == tag);
    }

    /**
     * Removes all answers to requests for a model, whoever asked.
     *
     * @param model spelt as in the requests, or in the preset if it came from there
     * @return how many
     */
    public long removeModel(String model) {
        long tag = RequestScan.tag(model);
        return answers.removeIf(head -> EntryHead.model(head) == tag);
    }

    /**
     * Removes all answers of a scope that is known by its {@link CacheKey#scope() tag} alone, like
     * {@link #removeScope}.
     *
     * @param tag 12 hexadecimal digits in lower case
     * @return how many
     */
    public long removeScopeTagged(String tag) {
        return answers.removeIf(head -> CacheKey.hexTag(EntryHead.scope(head)).equals(tag));
    }

    /**
     * Removes the answer of a key that is known by its digest, or by the beginning of it, such as
     * {@link CacheKey#shortDigest}. Walks the whole store.
     *
     * @param digest at least 12 hexadecimal digits in lower case, so that it means one key
     * @return how many, which is at most one unless digests collide
     * @throws IllegalArgumentException if it is not that
     */
    public long removeDigest(String digest) {
        if (!digest.matches("[0-9a-f]{12,64}")) {
            throw new IllegalArgumentException("not 12 to 64 hexadecimal digits: " + digest);
        }
        return answers.removeDigest(digest);
    }
}
