package dev.refrain.engine;

import dev.refrain.engine.exchange.BypassReason;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ForwardReason;
import dev.refrain.engine.exchange.NotCachedException;
import dev.refrain.engine.exchange.Pace;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The single steps of {@link ResponseCache#respond}, for front-ends that do something of their own between them. With
 * these they name the caller and the provider, learn why a request is not eligible, and look an answer up before they
 * prepare an upstream call. They can also answer by a key that they already have, and capture an answer. Obtained from
 * {@link ResponseCache#pipeline}. No parameter and no result is null. Thread-safe; sinks are called as
 * {@link ResponseCache#respond} says.
 */
public final class CachePipeline {
    private final Answers answers;
    private final RequestKeys keys;
    private final UpstreamCalls calls;
    private final Coalescer coalescer;

    CachePipeline(Answers answers, Flights flights, UpstreamCalls calls) {
        this.answers = answers;
        this.keys = answers.keys();
        this.calls = calls;
        this.coalescer = new Coalescer(answers, flights, calls);
    }

    /** See {@link ResponseCache#remove}. */
    boolean remove(CacheKey key) {
        return coalescer.remove(key);
    }

    // ---- who asks, and where

    /**
     * The scope of a caller with one API key.
     *
     * @param apiKey empty if the caller has none: all callers without an API key share their answers
     */
    public CacheScope scope(String apiKey) {
        return keys.deriver().scope(apiKey);
    }

    /**
     * The scope of a caller that is identified by several credentials, or by one that is not an API key.
     *
     * @param credentials names and values, in an order that does not change from request to request. Different lists
     *     have different scopes, and no list has the scope of a {@link #scope(String) single API key}
     */
    public CacheScope scope(List<String> credentials) {
        return keys.deriver().scope(credentials);
    }

    /**
     * The scope that all API keys of a team share (wire rule W83). It is derived from the secret of the installation,
     * or of the cluster, and from the team's name, not from credentials. So is the key that seals the answers.
     *
     * @param team name of the team
     * @param others names and values of the credentials that a caller sends beside the team's API key, in an order that
     *     does not change; empty if there are none. Different lists have different scopes
     */
    public CacheScope teamScope(String team, List<String> others) {
        return keys.deriver().teamScope(team, others);
    }

    /** Begins the context that requests of one caller to one endpoint share. */
    public KeyContext.Builder context(Endpoint endpoint, CacheScope scope) {
        return new KeyContext.Builder(keys.deriver(), endpoint, scope);
    }

    /** A reusable lookup that allocates nothing, for one thread at a time. */
    public Lookup newLookup() {
        return new Lookup(answers);
    }

    /**
     * Picks one of several answers to the same request (wire rule W82): one that is neither stored nor being fetched,
     * if there is one, and otherwise any. The choice is random, so that simultaneous requests seldom pick the same one.
     *
     * @param key without a sample
     * @param count how many answers there are to pick from, 1 to 10000
     */
    public CacheKey pickSample(CacheKey key, int count) {
        int start = ThreadLocalRandom.current().nextInt(count);
        for (int i = 0; i < count; i++) {
            CacheKey each = key.withSample((start + i) % count);
            if (!coalescer.isUnderWay(each) && !answers.isFresh(each)) {
                return each;
            }
        }
        return key.withSample(start);
    }

    // ---- the steps

    /** See {@link ResponseCache#respond}. */
    void respond(CacheRequest request, CacheControls controls, Upstream upstream, ResponseSink sink) {
        CompletionStage<Void> ids = learnIds(request).orElse(null);
        if (ids == null) {
            respondNow(request, controls, upstream, sink);
            return;
        }
        var unused = ids.thenRun(() -> respondNow(request, controls, upstream, sink))
                .exceptionally(failure -> {
                    sink.fail(failure.getCause() == null ? failure : failure.getCause());
                    return null;
                });
    }

    private void respondNow(CacheRequest request, CacheControls controls, Upstream upstream, ResponseSink sink) {
        if (!controls.enabled()) {
            UpstreamCalls.pass(upstream, sink);
            return;
        }
        Optional<CacheKey> key = answers.key(request);
        if (key.isPresent()) {
            respond(key.get(), controls, upstream, sink);
        } else {
            bypass(bypass(request).orElseThrow(), controls, upstream, sink);
        }
    }

    /** Why a request cannot be cached, or empty if it can (wire rules W18 and W19). */
    public Optional<BypassReason> bypass(CacheRequest request) {
        return Optional.ofNullable(keys.bypass(request));
    }

    /**
     * Answers a request whose key is known already, like {@link ResponseCache#respond}.
     *
     * @param key of an eligible request, see {@link ResponseCache#key}
     */
    public void respond(CacheKey key, CacheControls controls, Upstream upstream, ResponseSink sink) {
        if (!controls.enabled()) {
            UpstreamCalls.pass(upstream, sink);
            return;
        }
        CacheDirectives directives = controls.directives();
        boolean leads = controls.clear() || directives.noCache();
        ForwardReason reason = directives.noCache() ? ForwardReason.REQUEST : ForwardReason.MISS;
        if (!leads) {
            try {
                reason = answers.find(key, directives.maxAgeSeconds(), sink);
            } catch (MemoryBudget.Exhausted noRoom) {
                // There is a stored answer, so the request fails rather than pay the provider for another one.
                sink.fail(noRoom);
                return;
            }
            if (reason == null) {
                return;
            }
        }
        if (directives.onlyIfCached()) {
            sink.fail(
                    !controls.clear() || coalescer.removeForClient(key)
                            ? new NotCachedException()
                            : new MemoryBudget.Exhausted());
            return;
        }
        MissedRequest missed = new MissedRequest(
                key, controls, reason, upstream, new GuardedSink(onError(key, directives, reason, sink)));
        if (leads) {
            coalescer.lead(missed);
        } else {
            coalescer.fetch(missed);
        }
    }

    private ResponseSink onError(CacheKey key, CacheDirectives directives, ForwardReason reason, ResponseSink sink) {
        long maxStaleMillis = answers.maxStaleMillis(directives.staleIfErrorSeconds());
        return maxStaleMillis == 0 ? sink : new StaleIfErrorSink(answers, key, maxStaleMillis, reason, sink);
    }

    /**
     * Answers a request like {@link #respond(CacheKey, CacheControls, Upstream, ResponseSink)} if the store has an
     * answer. Otherwise nothing happens, and no miss is counted: the caller calls {@code respond} next.
     *
     * @param directives directives that allow a stored answer
     * @return whether it was answered
     */
    public boolean respondIfStored(CacheKey key, CacheDirectives directives, ResponseSink sink) {
        try {
            return answers.replay(key, directives.maxAgeSeconds(), sink) == null;
        } catch (MemoryBudget.Exhausted noRoom) {
            return false;
        }
    }

    /**
     * What the store has for a request.
     *
     * @param key null if the request is not eligible
     * @param head of the answer; null if there is no answer
     * @param body of the answer, a copy that belongs to the caller; null if there is no answer
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Found(CacheKey key, ResponseHead head, byte[] body) {}

    /**
     * Makes the key of a request and looks for its answer in one step, for front-ends that hand whole answers over.
     * Like {@link #respondIfStored}, it counts a hit, but no miss.
     *
     * @param body as sent; only read
     * @param directives directives that allow a stored answer
     * @throws IllegalArgumentException if another cache made the context
     */
    public Found find(KeyContext context, byte[] body, CacheDirectives directives) {
        return answers.find(context, body, directives.maxAgeSeconds());
    }

    /** Like {@link #find(KeyContext, byte[], CacheDirectives)}, for a request whose key is known already. */
    public Found find(CacheKey key, CacheDirectives directives) {
        return answers.find(key, directives.maxAgeSeconds());
    }

    /**
     * A sink that passes an answer on and stores it once it is complete.
     *
     * @param ttl {@link CacheControls#MIN_TTL} to {@link CacheControls#MAX_TTL}
     * @param client receives the answer, with a {@link CacheOutcome.Miss} in its head
     * @return a sink that must be ended or failed in any case. Until then it holds the captured bytes, which count
     *     against the {@link ResponseCacheBuilder#memory memory budget}
     * @throws IllegalArgumentException if the ttl is out of range
     */
    public ResponseSink capture(CacheKey key, Duration ttl, ResponseSink client) {
        CacheControls.on(ttl);
        return new CaptureSink(answers, key, ttl, ForwardReason.MISS, client);
    }

    /**
     * The pace at which a stream arrived when it was fetched (wire rule W87). Empty if it was not recorded
     * ({@link ResponseCacheBuilder#recordPace}), if it was evicted, or if another machine fetched the stream. It may
     * belong to an earlier answer to the same request, usually with another number of events than the stored one.
     */
    public Optional<Pace> pace(CacheKey key) {
        return Optional.ofNullable(answers.paces().get(key));
    }

    /**
     * The same upstream with a time limit: calls fail if they take longer than
     * {@link ResponseCacheBuilder#upstreamTimeout}.
     */
    public Upstream inTime(Upstream upstream) {
        return calls.inTime(upstream);
    }

    /**
     * Passes a request for which caching is on to the upstream without caching it, and tells the client why. A request
     * that accepts only stored answers fails instead.
     */
    public void bypass(BypassReason reason, CacheControls controls, Upstream upstream, ResponseSink sink) {
        answers.counters().bypasses.increment();
        if (controls.directives().onlyIfCached()) {
            sink.fail(new NotCachedException());
        } else {
            calls.passInTime(upstream, new OutcomeSink(new CacheOutcome.Bypass(reason), sink));
        }
    }

    /**
     * Takes an answer back (wire rule W85): removes it from the store, from memory and, with a
     * {@link ResponseCacheBuilder#sharedTier shared tier}, from all machines as soon as they hear of it. If a call is
     * still fetching it, the call goes on for the requests that wait, but its answer is not stored. If another answer
     * has replaced it meanwhile, the newer answer stays here, but is no longer shared. Walks the keys of the whole
     * store; do not call it on a thread that serves requests.
     *
     * @param shortDigest the first 12 digits of the key's digest, {@link CacheKey#shortDigest}
     * @param sourceId generation id of the response that filled the entry; null if the response had none
     * @throws IllegalArgumentException if the digest is not 12 hexadecimal digits in lower case
     * @throws MemoryBudget.Exhausted if the shared tier is unreachable, and there is no room to remember one more
     *     removal that other machines must be told of. Nothing was removed then
     */
    public void takeBack(String shortDigest, String sourceId) {
        if (!shortDigest.matches("[0-9a-f]{12}")) {
            throw new IllegalArgumentException("not 12 hexadecimal digits: " + shortDigest);
        }
        coalescer.takeBack(shortDigest, sourceId);
    }

    /**
     * Takes back an answer that is still being fetched, named by an id that its first client or a follower has
     * received. Does not walk the store.
     *
     * @param scope the scope that received the id; calls of other scopes are not found
     * @param id generation id in the head of a response
     * @return whether there was such a call
     * @throws MemoryBudget.Exhausted as for {@link #takeBack(String, String)}
     */
    public boolean takeBack(CacheScope scope, String id) {
        return coalescer.takeBack(scope, id);
    }

    /**
     * The provider's id of an answer that was replayed under another id (wire rule W26b). The provider knows only its
     * own id. The cache keeps the mapping until 30 days after the answer's lifetime, unless it is evicted.
     *
     * @param scope the scope that received the id; nothing is found for another one
     * @param id an id from an answer of this cache
     * @return the provider's id. Empty if this cache did not make the id, made it for another scope, or no longer knows
     *     it; then the id goes to the provider unchanged. Ids of other machines are known after {@link #learnId}
     */
    public Optional<String> providerId(CacheScope scope, String id) {
        return Optional.ofNullable(keys.providerId(scope, id));
    }

    /**
     * The request in the form in which the provider must get it. Ids that this cache made are replaced by the
     * provider's own, in the fields that name earlier answers ({@code previous_response_id} of Responses,
     * {@code thread.previous_message_id} of Messages). An {@link Upstream} sends the result's
     * {@link CacheRequest#upstreamBody()}. Keys are always derived from such a request.
     *
     * @return the request itself if it has no such id
     */
    public CacheRequest withProviderIds(CacheRequest request) {
        return keys.restored(request);
    }

    /**
     * Asks the {@link ResponseCacheBuilder#sharedTier shared tier} for the provider's id behind an id that another
     * machine may have made and this one does not know. A front-end waits for the result before it calls
     * {@link #providerId}.
     *
     * @param scope the scope that received the id
     * @return a stage that completes once {@code providerId} knows all that can be learnt now, within the timeout of
     *     the tier, and never fails. Actions may run, and block, on the cache's thread that completes it. Empty if
     *     there is nothing to wait for
     */
    public Optional<CompletionStage<Void>> learnId(CacheScope scope, String id) {
        SharedEntries shared = answers.shared();
        return shared == null || !keys.isUnknown(scope, id)
                ? Optional.empty()
                : Optional.ofNullable(shared.ids().ask(scope, id));
    }

    /**
     * Like {@link #learnId}, for the id of an earlier answer that a request names. When it completes, the caller
     * derives the {@link ResponseCache#key key} and calls {@link #withProviderIds} again. {@link ResponseCache#respond}
     * needs none of this.
     */
    public Optional<CompletionStage<Void>> learnIds(CacheRequest request) {
        SharedEntries shared = answers.shared();
        String id = shared == null ? null : keys.unknownId(request);
        return id == null
                ? Optional.empty()
                : Optional.ofNullable(
                        shared.ids().ask(request.context(keys.deriver()).scope(), id));
    }
}
